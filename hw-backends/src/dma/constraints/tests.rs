//! The solver against a search that lays memory out piece by piece.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use super::*;

const KIB: u64 = 1024;

/// xorshift64*: the same sequence in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn of<T: Copy>(&mut self, choice: &[T]) -> T {
        choice[(self.next() >> 33) as usize % choice.len()]
    }

    fn rarely(&mut self) -> bool {
        self.of(&[true, false, false, false, false, false])
    }
}

fn some_needs(r: &mut Random) -> Needs {
    Needs {
        shareable: r.rarely(),
        mappable: r.rarely(),
        exportable: r.rarely(),
        segments: r.of(&[None, None, Some(1), Some(2), Some(4), Some(16)]),
        segment_bytes: r.of(&[
            None,
            None,
            Some(1000),
            Some(4 * KIB),
            Some(10 * KIB),
            Some(64 * KIB),
        ]),
        alignment: r.of(&[1, 1, 64, 4 * KIB, 64 * KIB]),
        total_bytes: r.of(&[None, None, Some(64 * KIB), Some(1024 * KIB)]),
        address_bits: r.of(&[64, 64, 64, 40, 32]),
        coherent: r.rarely(),
        huge_pages: r.rarely(),
    }
}

fn some_traits(r: &mut Random) -> Traits {
    let (run_bytes, alignment) = r.of(&[
        (4 * KIB, 4 * KIB),
        (4 * KIB, 4 * KIB),
        (64 * KIB, 64 * KIB),
        (u64::MAX, 4 * KIB),
        (u64::MAX, 2048 * KIB),
    ]);
    let mostly = |r: &mut Random| !r.rarely();
    Traits {
        shareable: mostly(r),
        mappable: mostly(r),
        exportable: mostly(r),
        run_bytes,
        alignment,
        address_bits: r.of(&[64, 40, 32]),
        coherent: mostly(r),
        huge_pages: mostly(r),
        most_bytes: r.of(&[u64::MAX, 128 * KIB]),
    }
}

/// Memory laid out: where each stretch begins, and its length. No two touch.
fn lay_out(traits: &Traits, size: u64) -> Vec<(u64, u64)> {
    let mut rest = size;
    let mut at = traits.alignment;
    let mut runs = Vec::new();
    while rest > 0 {
        let length = rest.min(traits.run_bytes);
        runs.push((at, length));
        rest -= length;
        at += (length / traits.alignment + 2) * traits.alignment;
    }
    runs
}

/// One party takes the memory piece by piece.
fn takes(needs: &Needs, traits: &Traits, size: u64) -> bool {
    let has = [
        (needs.shareable, traits.shareable),
        (needs.mappable, traits.mappable),
        (needs.exportable, traits.exportable),
        (needs.coherent, traits.coherent),
        (needs.huge_pages, traits.huge_pages),
    ];
    if has.iter().any(|(needs, has)| *needs && !*has) {
        return false;
    }
    if needs.total_bytes.is_some_and(|most| size > most) || size > traits.most_bytes {
        return false;
    }
    if traits.address_bits > needs.address_bits {
        return false;
    }
    let mut pieces = 0;
    for (mut at, mut length) in lay_out(traits, size) {
        while length > 0 {
            if at % needs.alignment != 0 {
                return false;
            }
            let mut piece = length.min(needs.segment_bytes.unwrap_or(u64::MAX));
            if piece < length {
                // The next one has to be aligned, too.
                piece -= piece % needs.alignment;
            } else if needs
                .segment_bytes
                .is_some_and(|most| most < needs.alignment)
            {
                // Could be taken by luck; nobody is to rely on it.
                return false;
            }
            if piece == 0 {
                return false;
            }
            pieces += 1;
            at += piece;
            length -= piece;
        }
    }
    needs.segments.is_none_or(|most| pieces <= u64::from(most))
}

#[test]
fn the_solver_finds_what_a_search_over_everything_finds() {
    let mut r = Random(1);
    let (mut found, mut none) = (0, 0);
    for _ in 0..20_000 {
        let parties: Vec<Needs> = (0..r.of(&[1, 2, 3])).map(|_| some_needs(&mut r)).collect();
        let offers: Vec<Traits> = (0..r.of(&[1, 3, 6])).map(|_| some_traits(&mut r)).collect();
        let size = r.of(&[1, 4096, 5000, 64 * KIB, 100 * KIB, 200 * KIB, 2048 * KIB]);

        let expected = offers
            .iter()
            .position(|traits| parties.iter().all(|needs| takes(needs, traits, size)));
        let (chosen, refused) = Merged::of(&parties).choose(&offers, size);

        assert_eq!(chosen, expected, "{size} {parties:#?} {offers:#?}");
        assert_eq!(refused.len(), expected.unwrap_or(offers.len()));
        if expected.is_some() {
            found += 1;
        } else {
            none += 1;
        }
    }
    assert!(found > 2_000 && none > 2_000, "{found} {none}");
}

#[test]
fn a_refusal_names_a_constraint_that_alone_refuses() {
    let mut r = Random(2);
    for _ in 0..20_000 {
        let (needs, traits) = (some_needs(&mut r), some_traits(&mut r));
        let size = r.of(&[4096, 64 * KIB, 200 * KIB]);
        let Err(refusal) = Merged::of([&needs]).met_by(&traits, size) else {
            continue;
        };
        let any = Needs::default();
        let alone = match refusal.constraint {
            Constraint::Shareable => Needs {
                shareable: true,
                ..any
            },
            Constraint::Mappable => Needs {
                mappable: true,
                ..any
            },
            Constraint::Exportable => Needs {
                exportable: true,
                ..any
            },
            Constraint::Segments | Constraint::SegmentBytes | Constraint::Alignment => Needs {
                segments: needs.segments,
                segment_bytes: needs.segment_bytes,
                alignment: needs.alignment,
                ..any
            },
            Constraint::TotalBytes => Needs {
                total_bytes: needs.total_bytes,
                ..any
            },
            Constraint::AddressBits => Needs {
                address_bits: needs.address_bits,
                ..any
            },
            Constraint::Coherent => Needs {
                coherent: true,
                ..any
            },
            Constraint::HugePages => Needs {
                huge_pages: true,
                ..any
            },
        };
        assert!(
            !takes(&alone, &traits, size),
            "{refusal} {needs:?} {traits:?}"
        );
        assert!(refusal.to_string().starts_with(refusal.constraint.name()));
    }
}

#[test]
fn one_page_is_contiguous_and_two_are_not() {
    let contiguous = Merged::of([&Needs {
        segments: Some(1),
        ..Needs::default()
    }]);
    assert_eq!(contiguous.met_by(&Traits::PAGES, 4096), Ok(()));
    let refusal = contiguous.met_by(&Traits::PAGES, 4097).unwrap_err();
    assert_eq!(refusal.constraint, Constraint::Segments);
    assert_eq!(refusal.to_string(), "segments: at most 1, not 2");
    let one = Traits {
        run_bytes: u64::MAX,
        ..Traits::PAGES
    };
    assert_eq!(contiguous.met_by(&one, 1 << 30), Ok(()));
}

#[test]
fn an_alignment_that_is_no_power_of_two_is_refused() {
    let odd = Needs {
        alignment: 3,
        ..Needs::default()
    };
    let refusal = Merged::of([&odd]).met_by(&Traits::PAGES, 1).unwrap_err();
    assert_eq!(refusal.constraint, Constraint::Alignment);
}
