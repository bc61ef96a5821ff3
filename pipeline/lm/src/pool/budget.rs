//! What may be spent: reserved before it is sent, so that it is never overspent.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::locked;
use super::settings::Budget;

/// What one sending can cost or has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spending {
    pub(crate) requests: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

/// The purse of a worker.
pub(crate) struct Purse {
    budget: Budget,
    state: Mutex<State>,
    returned: Notify,
}

#[derive(Default)]
struct State {
    spent: Spending,
    reserved: Spending,
}

/// A reservation. Dropped before it is sent, it costs nothing; dropped after, its whole amount is spent.
pub(crate) struct Hold<'a> {
    purse: &'a Purse,
    amount: Spending,
    sent: bool,
    settled: bool,
}

impl Purse {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, state: Mutex::default(), returned: Notify::new() }
    }

    /// Reserves an amount. Waits while only what others have reserved and may give back stands in the way.
    ///
    /// # Errors
    /// When not even the budget without the others' reservations suffices; says which limit.
    pub(crate) async fn reserve(&self, amount: Spending) -> Result<Hold<'_>, String> {
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            returned.as_mut().enable();
            {
                let mut state = locked(&self.state);
                if let Some(limit) = self.exceeded(state.spent.plus(amount)) {
                    return Err(limit);
                }
                let total = state.spent.plus(state.reserved).plus(amount);
                if self.exceeded(total).is_none() {
                    state.reserved = state.reserved.plus(amount);
                    return Ok(Hold { purse: self, amount, sent: false, settled: false });
                }
            }
            returned.await;
        }
    }

    /// What has been spent so far.
    pub(crate) fn spent(&self) -> Spending {
        locked(&self.state).spent
    }

    fn exceeded(&self, total: Spending) -> Option<String> {
        let Budget { max_requests, max_tokens, max_cost, price_per_million } = &self.budget;
        if let Some(most) = max_requests.filter(|most| total.requests > *most) {
            return Some(format!("the budget of {most} requests is spent"));
        }
        let tokens = total.prompt_tokens.saturating_add(total.completion_tokens);
        if let Some(most) = max_tokens.filter(|most| tokens > *most) {
            return Some(format!("the budget of {most} tokens cannot bear another request"));
        }
        let cost = price_per_million.pico(total.prompt_tokens, total.completion_tokens);
        let most = max_cost.filter(|most| cost > (most.max(0.0) * 1e12) as u128)?;
        Some(format!("the budget of {most} cannot bear another request"))
    }

    fn move_to_spent(&self, amount: Spending, used: Spending) {
        let mut state = locked(&self.state);
        state.reserved = state.reserved.minus(amount);
        state.spent = state.spent.plus(used);
        drop(state);
        self.returned.notify_waiters();
    }
}

impl Hold<'_> {
    /// From now on it may be billed.
    pub(crate) fn mark_sent(&mut self) {
        self.sent = true;
    }

    /// Spends what was used and gives the rest back.
    pub(crate) fn settle(mut self, prompt_tokens: u64, completion_tokens: u64) {
        self.settled = true;
        let used = Spending { requests: self.amount.requests, prompt_tokens, completion_tokens };
        self.purse.move_to_spent(self.amount, used);
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let used = if self.sent { self.amount } else { Spending::default() };
            self.purse.move_to_spent(self.amount, used);
        }
    }
}

impl Spending {
    fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    fn each(self, other: Self, combine: fn(u64, u64) -> u64) -> Self {
        Self {
            requests: combine(self.requests, other.requests),
            prompt_tokens: combine(self.prompt_tokens, other.prompt_tokens),
            completion_tokens: combine(self.completion_tokens, other.completion_tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Price;
    use super::*;

    fn tokens(prompt_tokens: u64, completion_tokens: u64) -> Spending {
        Spending { requests: 1, prompt_tokens, completion_tokens }
    }

    #[tokio::test]
    async fn cost_is_the_price_of_prompt_and_reply() {
        let price_per_million = Price { prompt: 3.0, completion: 15.0 };
        let purse = Purse::new(Budget { max_cost: Some(0.018), price_per_million, ..Budget::default() });
        // 1,000 x 3 / 10^6 + 1,000 x 15 / 10^6 = 0.018: to the last coin.
        purse.reserve(tokens(1_000, 1_000)).await.unwrap().settle(1_000, 1_000);
        assert!(purse.reserve(tokens(1, 0)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_not_sent_costs_nothing_and_what_is_lost_costs_all() {
        let purse = Purse::new(Budget { max_tokens: Some(100), ..Budget::default() });
        drop(purse.reserve(tokens(50, 50)).await);
        assert_eq!(purse.spent(), Spending::default());
        let mut hold = purse.reserve(tokens(30, 30)).await.unwrap();
        hold.mark_sent();
        drop(hold);
        assert_eq!(purse.spent(), tokens(30, 30));
        assert!(purse.reserve(tokens(41, 0)).await.is_err());
    }

    #[tokio::test]
    async fn a_reservation_waits_for_what_others_give_back() {
        let purse = Purse::new(Budget { max_tokens: Some(100), ..Budget::default() });
        let first = purse.reserve(tokens(0, 80)).await.unwrap();
        let (second, ()) = tokio::join!(purse.reserve(tokens(0, 80)), async { first.settle(0, 20) });
        assert!(second.is_ok());
        // 20 are spent and 80 reserved: 81 can never be had.
        assert!(purse.reserve(tokens(0, 81)).await.is_err());
    }
}
