//! What damage costs: the damaged record, and no other.

use super::kit::*;

fn pages(n: usize) -> Vec<Vec<u8>> {
    (0..n).map(page).collect()
}

#[test]
fn a_damaged_member_costs_its_record() {
    for packing in [Packing::Gzip, Packing::Zstd] {
        let mut members: Vec<Vec<u8>> =
            pages(5).iter().map(|record| packing.pack(std::slice::from_ref(record))).collect();
        let middle = members[2].len() / 2;
        for byte in &mut members[2][middle..middle + 12] {
            *byte ^= 0x5a;
        }
        let seen = read(&members.concat());
        let seen: Vec<String> = seen.iter().map(|seen| seen.short().split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(seen, ["ok", "ok", "bad_member", "ok", "ok"], "{packing:?}");
    }
}

#[test]
fn a_wrong_check_value_is_a_fault_with_the_records_address() {
    let mut members: Vec<Vec<u8>> = pages(3).iter().map(|record| gzip(record)).collect();
    let n = members[1].len();
    members[1][n - 6] ^= 1;
    assert_eq!(short(&read(&members.concat())), ["ok 0", "bad_member 1", "ok 2"]);
}

#[test]
fn a_cut_file_costs_the_last_record_wherever_it_is_cut() {
    let records = pages(3);
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let whole = packing.pack(&records);
        let last = packing.pack(&records[..2]).len();
        for cut in (last + 1..whole.len() - 4).step_by(7) {
            let seen = short(&read(&whole[..cut]));
            assert_eq!(seen[..2], ["ok 0", "ok 1"], "{packing:?} {cut}");
            assert_eq!(seen.len(), 3, "{packing:?} {cut}: {seen:?}");
            let name = seen[2].split(' ').next().unwrap();
            let expected = if packing == Packing::Plain {
                &["truncated_record", "garbage"][..]
            } else {
                &["truncated_member", "garbage"][..]
            };
            assert!(expected.contains(&name), "{packing:?} {cut}: {seen:?}");
        }
        assert_eq!(short(&read(&whole[..last])), ["ok 0", "ok 1"]);
    }
}

#[test]
fn a_cut_file_of_one_member_keeps_what_came_before() {
    let records = pages(40);
    let whole = Packing::GzipWhole.pack(&records);
    let seen = read(&whole[..whole.len() / 2]);
    let (last, before) = seen.split_last().unwrap();
    assert!(before.len() > 10 && before.iter().all(|seen| seen.kind().is_none()));
    assert!(last.short().starts_with("truncated_member"), "{last:?}");
}

#[test]
fn a_lying_length_costs_its_record() {
    let lies = [("short", 30), ("long", 400), ("over several", 9000), ("over all", 10_000_000)];
    for (what, length) in lies {
        let block = http("", &page(1)[400..]);
        let mut records = pages(5);
        records[1] = record_of_length("response", "http://a.example/lie", &block, length.min(block.len() * 3 + length));
        assert_ne!(length, block.len());
        for packing in [Packing::Plain, Packing::GzipWhole, Packing::ZstdWhole, Packing::Gzip, Packing::Zstd] {
            let seen = short(&read(&packing.pack(&records)));
            assert_eq!(seen, ["ok 0", "bad_record lie", "ok 2", "ok 3", "ok 4"], "{what} {packing:?}");
        }
    }
}

#[test]
fn garbage_between_records_costs_nothing_else() {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        for junk in [&b"no record at all\n"[..], &[0; 1000], b"\x1f\x8b\x08\0garbage", b"WARC/1.0"] {
            let mut parts: Vec<Vec<u8>> =
                pages(3).iter().map(|record| packing.pack(std::slice::from_ref(record))).collect();
            parts.insert(1, [junk, b"\r\n"].concat());
            let seen = short(&read(&parts.concat()));
            assert_eq!(seen.len(), 4, "{packing:?} {junk:?} {seen:?}");
            assert_eq!((&*seen[0], &*seen[2], &*seen[3]), ("ok 0", "ok 1", "ok 2"), "{packing:?} {junk:?}");
        }
    }
    let seen = short(&read(&[b"garbage first\n".to_vec(), page(1)].concat()));
    assert_eq!(seen, ["garbage -", "ok 1"]);
}

#[test]
fn padding_is_passed_over_without_a_word() {
    let gz = [gzip(b""), gzip(&page(1)), gzip(b"\r\n\r\n"), gzip(&page(2)), gzip(b"")].concat();
    assert_eq!(short(&read(&gz)), ["ok 1", "ok 2"]);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"12345"].concat();
    let zst = [skippable.clone(), zstd(&page(1)), skippable.clone(), zstd(&page(2)), skippable].concat();
    assert_eq!(short(&read(&zst)), ["ok 1", "ok 2"]);
    assert!(read(b"").is_empty());
    assert!(read(b"\r\n\r\n").is_empty());
}

#[test]
fn a_zstd_dictionary_at_the_front_is_used() {
    let samples: Vec<Vec<u8>> = (0..200).map(page).collect();
    let dictionary = zstd::dict::from_samples(&samples, 4096).unwrap();
    for stored in [dictionary.clone(), zstd(&dictionary)] {
        let mut bytes = vec![0x5d, 0x2a, 0x4d, 0x18];
        bytes.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&stored);
        let mut packer = zstd::bulk::Compressor::with_dictionary(3, &dictionary).unwrap();
        for n in 0..3 {
            bytes.extend_from_slice(&packer.compress(&page(n)).unwrap());
        }
        assert_eq!(short(&read(&bytes)), ["ok 0", "ok 1", "ok 2"]);
    }
}

#[test]
fn a_damaged_head_costs_its_record() {
    for (from, to) in
        [("Content-Length: ", "Content-Length: x"), ("WARC-Type", "WARC-Tape"), ("Content-Length", "Content-Lengt")]
    {
        let mut records = pages(3);
        let text = String::from_utf8(records[1].clone()).unwrap();
        records[1] = text.replacen(from, to, 1).into_bytes();
        for packing in Packing::ALL {
            let seen = short(&read(&packing.pack(&records)));
            assert_eq!(seen, ["ok 0", "bad_record -", "ok 2"], "{packing:?} {to}");
        }
    }
}
