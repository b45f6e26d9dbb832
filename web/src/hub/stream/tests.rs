use super::{MOST_GAP, Stream, content_range};
use crate::hub::{Part, Plan};

/// A small generator, so that every run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most.max(1)
    }
}

fn contents(part: usize, bytes: u64) -> Vec<u8> {
    (0..bytes)
        .map(|at| (at * 31 + at / 251 + part as u64 * 7) as u8)
        .collect()
}

fn random_plan(dice: &mut Dice) -> Plan {
    let parts = (0..1 + dice.below(3)).map(|part| {
        let mut spans = Vec::new();
        let mut at = dice.below(50);
        for _ in 0..1 + dice.below(8) {
            let to = at + 1 + dice.below(4_000);
            spans.push((at, to));
            at = to + 1 + dice.below(1_000) * dice.below(400);
        }
        Part {
            file: part.to_string(),
            file_bytes: at + 10,
            spans,
        }
    });
    Plan {
        header: None,
        parts: parts.collect(),
        chunk_bytes: 1 + dice.below(3_000),
    }
}

fn row(plan: &Plan) -> Vec<u8> {
    let mut row = Vec::new();
    for (part, spans) in plan.parts.iter().enumerate() {
        let bytes = contents(part, spans.file_bytes);
        for &(from, to) in &spans.spans {
            row.extend_from_slice(&bytes[from as usize..to as usize]);
        }
    }
    row
}

#[test]
fn every_byte_comes_once_however_connections_break() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let plan = random_plan(&mut dice);
        let row = row(&plan);
        let mut chunks: Vec<Option<Vec<u8>>> = vec![None; plan.chunks()];
        // Some are here from before.
        let mut have = Vec::new();
        for (number, slot) in chunks.iter_mut().enumerate() {
            if dice.below(3) == 0 {
                let chunk = plan.chunk(number);
                *slot = Some(row[chunk.start as usize..chunk.end as usize].into());
                have.push(number);
            }
        }
        let missing: u64 = plan.bytes() - Stream::new(plan.clone(), &have).here();
        let breaks = dice.below(4);
        let ignores_ranges = dice.below(5) == 0;
        let mut stream = Stream::new(plan.clone(), &have);
        let mut fetched = 0;
        for requests in 0.. {
            assert!(requests < 10_000, "seed {seed} has no end");
            let Some(request) = stream.next_request() else {
                break;
            };
            let part: usize = request.file.parse().unwrap();
            let file = contents(part, request.file_bytes);
            assert!(request.from < request.to && request.to <= request.file_bytes);
            let (from, to) = match ignores_ranges {
                true => (0, request.file_bytes),
                false => (request.from, request.to),
            };
            stream.begin(from);
            let mut body = &file[from as usize..to as usize];
            if dice.below(4) < breaks {
                body = &body[..dice.below(body.len() as u64 + 1) as usize];
            }
            while !body.is_empty() && !stream.is_served() {
                let (piece, rest) = body.split_at(1 + dice.below(body.len() as u64) as usize);
                fetched += piece.len() as u64;
                for (number, chunk) in stream.feed(piece) {
                    assert!(
                        chunks[number].replace(chunk).is_none(),
                        "seed {seed}: {number} twice"
                    );
                }
                body = rest;
            }
        }
        let together: Vec<u8> = chunks.into_iter().flat_map(Option::unwrap).collect();
        assert_eq!(together, row, "seed {seed}");
        assert_eq!(stream.here(), plan.bytes());
        if !ignores_ranges {
            let gaps = plan
                .parts
                .iter()
                .map(|part| part.spans.len() as u64)
                .sum::<u64>();
            assert!(fetched <= missing + gaps * MOST_GAP, "seed {seed}");
        }
    }
}

#[test]
fn a_request_stops_where_bytes_are_here_or_far() {
    let far = 1_000 + MOST_GAP;
    let plan = Plan {
        header: None,
        parts: vec![Part {
            file: "a".into(),
            file_bytes: 2 * far,
            spans: vec![(10, 500), (600, 700), (far, far + 410)],
        }],
        chunk_bytes: 100,
    };
    let ranges = |have: &[usize]| {
        let mut stream = Stream::new(plan.clone(), have);
        let mut ranges = Vec::new();
        while let Some(request) = stream.next_request() {
            ranges.push(request.range());
            stream.begin(request.from);
            let all = vec![0; (request.to - request.from) as usize];
            stream.feed(&all);
            assert!(stream.is_served());
        }
        ranges
    };
    let last = format!("bytes={far}-{}", far + 409);
    assert_eq!(ranges(&[]), ["bytes=10-699".to_string(), last.clone()]);
    assert_eq!(
        ranges(&[2]),
        ["bytes=10-209".to_string(), "bytes=310-699".into(), last]
    );
    // The chunk over the gap is here; what is behind it is not.
    let behind = format!("bytes={}-{}", far + 10, far + 409);
    assert_eq!(ranges(&[0, 1, 2, 3, 4, 5]), [behind]);
    assert_eq!(ranges(&(0..10).collect::<Vec<_>>()), Vec::<String>::new());
}

#[test]
fn the_place_of_an_answer_is_read() {
    for (header, expected) in [
        ("bytes 5-9/10", Some((5, Some(10)))),
        (" bytes 0-0/* ", Some((0, None))),
        ("bytes */10", None),
        ("5-9/10", None),
        ("bytes x-9/10", None),
        ("", None),
    ] {
        assert_eq!(content_range(header), expected, "{header}");
    }
}
