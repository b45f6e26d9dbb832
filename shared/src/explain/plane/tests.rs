use candle_core::{Device, Tensor};

use super::Plane;

fn tensor(rows: &[Vec<f32>]) -> Tensor {
    let values: Vec<f32> = rows.iter().flatten().copied().collect();
    Tensor::from_vec(values, (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
}

/// Rows on a plane of two directions, with so much along each; and a little noise.
fn spread(rows: usize, width: usize, along: [f32; 2]) -> Tensor {
    let mut state = 7_u32;
    let mut value = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let rows: Vec<Vec<f32>> = (0..rows)
        .map(|_| {
            let mut row: Vec<f32> = (0..width).map(|_| 0.001 * value()).collect();
            row[0] += 1.0;
            row[1] += along[0] * value();
            row[2] += along[1] * value();
            row
        })
        .collect();
    tensor(&rows)
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[test]
fn the_plane_keeps_the_distances_of_what_lies_on_one() {
    // More rows than columns, and more columns than rows, take another way each.
    for (rows, width) in [(200, 8), (12, 64), (3, 3)] {
        let features = spread(rows, width, [0.4, 0.2]);
        let plane = Plane::fit(&features).unwrap();
        let points = plane.points(&features).unwrap();
        let norms = features.sqr().unwrap().sum_keepdim(1).unwrap().sqrt();
        let whole = features.broadcast_div(&norms.unwrap()).unwrap();
        let whole = whole.to_vec2::<f32>().unwrap();
        for a in 0..rows {
            for b in 0..a {
                let pairs = whole[a].iter().zip(&whole[b]);
                let far = pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                let shown = distance(points[a], points[b]);
                // The noise stands at right angles to the plane.
                assert!((far - shown).abs() < 0.02, "{rows}×{width}: {far} {shown}");
            }
        }
        assert!(plane.shares[0] > plane.shares[1], "{:?}", plane.shares);
        assert!(
            plane.shares[0] + plane.shares[1] > 0.9,
            "{:?}",
            plane.shares
        );
        assert!(plane.shares[0] + plane.shares[1] <= 1.0 + 1e-6);
    }
}

#[test]
fn the_same_rows_give_the_same_plane_in_any_length() {
    let features = spread(30, 16, [0.5, 0.1]);
    let plane = Plane::fit(&features).unwrap();
    assert_eq!(plane, Plane::fit(&features).unwrap());
    let longer = (&features * 3.5).unwrap();
    let again = Plane::fit(&longer).unwrap().points(&longer).unwrap();
    for (a, b) in plane.points(&features).unwrap().into_iter().zip(again) {
        assert!(distance(a, b) < 1e-5, "{a:?} {b:?}");
    }
    for axis in &plane.axes {
        let largest = axis
            .iter()
            .copied()
            .fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        assert!(largest > 0.0);
    }
}

#[test]
fn what_does_not_spread_lies_in_the_middle() {
    let row = vec![0.3, -0.2, 0.9];
    let line = [0.0_f32, 0.1, 0.2].map(|at| vec![1.0, at, 0.0]);
    let cases: [(&str, Vec<Vec<f32>>); 5] = [
        ("one row", vec![row.clone()]),
        ("the same row", vec![row.clone(); 5]),
        (
            "the same direction",
            vec![row.clone(), row.iter().map(|x| x * 2.0).collect()],
        ),
        ("zeros", vec![vec![0.0; 3]; 4]),
        (
            "not numbers",
            vec![vec![f32::NAN; 3], vec![f32::INFINITY; 3]],
        ),
    ];
    for (what, rows) in cases {
        let features = tensor(&rows);
        let plane = Plane::fit(&features).unwrap();
        for point in plane.points(&features).unwrap() {
            assert_eq!(point, [0.0, 0.0], "{what}");
        }
        assert_eq!(plane.shares, [0.0, 0.0], "{what}");
    }
    // Two rows span a line, and so do three on an arc that is nearly one.
    let two = tensor(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
    let points = Plane::fit(&two).unwrap().points(&two).unwrap();
    assert!((distance(points[0], points[1]) - 2.0_f32.sqrt()).abs() < 1e-6);
    assert!(points.iter().all(|point| point[1].abs() < 1e-6));
    let points = Plane::fit(&tensor(&line))
        .unwrap()
        .points(&tensor(&line))
        .unwrap();
    assert!(points[0][0] != points[1][0] && points[1][0] != points[2][0]);
    // One that is no number does not keep the others from their places.
    let mut rows = line.to_vec();
    rows.push(vec![f32::NAN; 3]);
    let points = Plane::fit(&tensor(&rows))
        .unwrap()
        .points(&tensor(&rows))
        .unwrap();
    assert_eq!(points[3], [0.0, 0.0]);
    assert!(distance(points[0], points[2]) > 0.1);
}

#[test]
fn parts_that_lie_apart_are_laid_over_each_other() {
    // The same three corners twice, far apart along the last direction.
    let corners = |far: f32| {
        tensor(&[
            vec![1.0, 0.3, 0.0, far],
            vec![1.0, 0.0, 0.3, far],
            vec![1.0, -0.3, -0.3, far],
        ])
    };
    let (near, far) = (corners(-1.0), corners(1.0));
    let both = Tensor::cat(&[&near, &far], 0).unwrap();
    let plane = Plane::fit(&both).unwrap();
    let points = plane.points(&both).unwrap();
    assert!(distance(points[0], points[3]) > 1.0, "{points:?}");
    let plane = Plane::fit_parts(&[&near, &far]).unwrap();
    let (near, far) = (plane.points_of(0, &near), plane.points_of(1, &far));
    for (a, b) in near.unwrap().into_iter().zip(far.unwrap()) {
        assert!(distance(a, b) < 1e-6, "{a:?} {b:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (three, two) = (tensor(&[vec![1.0; 3]]), tensor(&[vec![1.0; 2]]));
    let none = three.narrow(0, 0, 0).unwrap();
    for parts in [&[][..], &[&none], &[&three, &two], &[&three, &none]] {
        let error = Plane::fit_parts(parts).unwrap_err().to_string();
        assert!(error.contains("equally long"), "{error}");
    }
    let plane = Plane::fit(&three).unwrap();
    let error = plane.points(&two).unwrap_err().to_string();
    assert!(error.contains("expected 3"), "{error}");
    let error = plane.points_of(1, &three).unwrap_err().to_string();
    assert!(error.contains("one of 1"), "{error}");
}
