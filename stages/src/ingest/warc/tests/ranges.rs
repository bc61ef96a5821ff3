//! Ranges add up to the whole, whatever their size and the file's state.

use super::super::{FaultKind, WarcOptions};
use super::kit::*;

fn by_ranges(path: &std::path::Path, n_file: u64, n: u64, options: &WarcOptions) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut from = 0;
    while from < n_file {
        seen.extend(read_range(path, from..from + n, options));
        from += n;
    }
    seen
}

/// Flips, removes, repeats or inserts some bytes.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    let n = (1 + dice.below(300)).min(bytes.len() - at);
    match dice.below(6) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at..at + n].fill(0),
        2 => drop(bytes.drain(at..at + n)),
        3 => bytes.truncate((at + n).max(100)),
        4 => {
            let piece = bytes[at..at + n].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => drop(bytes.splice(at..at, b"\n\nnoise\nWARC/1.\n\x1f\x8b\x08\x28\xb5\x2f\xfd".iter().copied())),
    }
}

#[test]
fn ranges_of_damaged_files_give_what_one_read_gives() {
    let options = WarcOptions { max_record_bytes: 5000, ..WarcOptions::default() };
    let mut dice = Dice(7);
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut n_faults, mut n_pages) = (0, 0);
    for round in 0..400 {
        let records: Vec<Vec<u8>> = (0..1 + dice.below(12)).map(|n| page(n + round)).collect();
        let packing = Packing::ALL[round % Packing::ALL.len()];
        let mut bytes = packing.pack(&records);
        for _ in 0..dice.below(4) {
            damage(&mut bytes, &mut dice);
        }
        std::fs::write(file.path(), &bytes).unwrap();
        let whole = read_range(file.path(), 0..u64::MAX, &options);
        n_faults += whole.iter().filter(|seen| seen.kind().is_some()).count();
        n_pages += whole.len();
        for _ in 0..6 {
            let n = 1 + dice.below(bytes.len() + 10).max(bytes.len() / 40) as u64;
            let parts = by_ranges(file.path(), bytes.len() as u64, n, &options);
            assert_eq!(parts, whole, "round {round}, {packing:?}, ranges of {n} of {} bytes", bytes.len());
        }
    }
    assert!(n_faults > 200 && n_pages > 1000, "{n_faults} faults, {n_pages} entries: too few to show anything");
}

#[test]
fn every_cut_of_a_small_file_adds_up() {
    let options = WarcOptions::default();
    let file = tempfile::NamedTempFile::new().unwrap();
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let mut parts: Vec<Vec<u8>> = [0, 7].iter().map(|&n| packing.pack(&[page(n)])).collect();
        parts.insert(1, b"\nnoise\r\n\r\n".to_vec());
        let bytes = parts.concat();
        std::fs::write(file.path(), &bytes).unwrap();
        let whole = read_range(file.path(), 0..u64::MAX, &options);
        assert_eq!(short(&whole), ["ok 0", "garbage -", "ok 7"]);
        for cut in 0..=bytes.len() as u64 {
            let mut seen = read_range(file.path(), 0..cut, &options);
            seen.extend(read_range(file.path(), cut..u64::MAX, &options));
            assert_eq!(seen, whole, "{packing:?}, cut at {cut}");
        }
    }
}

#[test]
fn a_file_of_one_member_belongs_to_its_first_range() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let records: Vec<Vec<u8>> = (0..30).map(page).collect();
    for packing in [Packing::GzipWhole, Packing::ZstdWhole] {
        let bytes = packing.pack(&records);
        std::fs::write(file.path(), &bytes).unwrap();
        let options = WarcOptions::default();
        assert_eq!(read_range(file.path(), 0..1, &options).len(), 30);
        assert!(read_range(file.path(), 1..u64::MAX, &options).is_empty());
    }
}

#[test]
fn nothing_is_lost_or_doubled_by_damage_of_one_record() {
    // In = out: of n records, one damaged, n - 1 pages come out and at least one fault.
    let mut dice = Dice(23);
    for round in 0..200 {
        let packing = [Packing::Gzip, Packing::Zstd][round % 2];
        let mut members: Vec<Vec<u8>> = (0..6).map(|n| packing.pack(&[page(n)])).collect();
        let hit = dice.below(6);
        let n = members[hit].len();
        let (at, bit) = (dice.below(n), dice.below(8));
        members[hit][at] ^= 1 << bit;
        // The name says how the file is packed, should its first bytes be hit.
        let file = tempfile::Builder::new().suffix([".gz", ".zst"][round % 2]).tempfile().unwrap();
        std::fs::write(file.path(), members.concat()).unwrap();
        let seen = read_range(file.path(), 0..u64::MAX, &WarcOptions::default());
        let n_pages = seen.iter().filter(|seen| seen.kind().is_none()).count();
        let n_faults = seen.len() - n_pages;
        // Some bits of a header mean nothing: time, system.
        // The bit of a zstd header that announces the check value makes garbage of that value, and harms no record.
        let flag =
            packing == Packing::Zstd && at == 4 && seen.iter().any(|seen| seen.kind() == Some(FaultKind::Garbage));
        let harmless = n_pages == 6 && (n_faults == 0 || (n_faults == 1 && flag));
        assert!(harmless || (n_pages, n_faults) == (5, 1), "{packing:?} byte {at} bit {bit}: {:?}", short(&seen));
    }
}
