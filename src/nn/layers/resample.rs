//! What changes an image's extents to given ones, in calls that give the same bytes every time on a GPU too: there
//! libtorch's own kernels add gradients in any order, and refuse to run where that is not wanted.

use tch::Tensor;

/// Where window `index` of `count` begins over an extent, and how long it is.
fn window(index: u64, count: u64, extent: u64) -> (u64, u64) {
    let begin = index * extent / count;
    (begin, ((index + 1) * extent).div_ceil(count) - begin)
}

/// For each of `count` windows over an extent, what each cell weighs in its mean: `[count, extent]`.
pub(super) fn means(count: u64, extent: u64) -> Vec<f32> {
    let row = |index| {
        let (begin, length) = window(index, count, extent);
        (0..extent).map(
            move |cell| {
                if (begin..begin + length).contains(&cell) { 1.0 / length as f32 } else { 0.0 }
            },
        )
    };
    (0..count).flat_map(row).collect()
}

/// For each of `count` points that lie evenly over an extent, what each cell weighs on the straight line between its two
/// neighbours: `[count, extent]`.
pub(super) fn lines(count: u64, extent: u64) -> Vec<f32> {
    let row = |index: u64| {
        let place = (index as f64 + 0.5) * extent as f64 / count as f64 - 0.5;
        let place = place.clamp(0.0, (extent - 1) as f64);
        (0..extent).map(move |cell| (1.0 - (cell as f64 - place).abs()).max(0.0) as f32)
    };
    (0..count).flat_map(row).collect()
}

/// Weighs an image's rows and its columns: `rows · x · columnsᵀ`. Each is `[count, extent]`.
pub(super) fn weigh(x: &Tensor, rows: &[f32], columns: &[f32]) -> Tensor {
    let (height, width) = (x.size()[2], x.size()[3]);
    let matrix = |weights: &[f32], extent: i64| {
        Tensor::from_slice(weights).reshape([-1, extent]).to_device(x.device()).to_kind(x.kind())
    };
    matrix(rows, height).matmul(x).matmul(&matrix(columns, width).tr())
}

/// The greatest values of `[rows, columns]` windows over an image.
pub(super) fn greatest(x: &Tensor, windows: [i64; 2]) -> Tensor {
    let along = |x: &Tensor, axis: i64, count: i64| {
        let extent = x.size()[axis as usize] as u64;
        let parts: Vec<Tensor> = (0..count)
            .map(|index| {
                let (begin, length) = window(index as u64, count as u64, extent);
                x.narrow(axis, begin as i64, length as i64).amax(axis, true)
            })
            .collect();
        Tensor::cat(&parts, axis)
    };
    along(&along(x, 2, windows[0]), 3, windows[1])
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// On a CPU libtorch's kernels are the ones that are used.
    #[test]
    fn they_give_what_libtorch_s_kernels_give() {
        let mut values = vec![0.0_f32; 2 * 3 * 7 * 5];
        crate::random::Stream::new(1, "x").at(0).fill_normal(&mut values);
        let x = Tensor::from_slice(&values).reshape([2, 3, 7, 5]);
        for (rows, columns) in [(3, 2), (7, 5), (9, 11), (1, 1)] {
            let size = [rows, columns];
            let near = |one: &Tensor, other: &Tensor| {
                assert_eq!(one.size(), other.size());
                assert!(one.allclose(other, 1e-5, 1e-6, false), "{size:?}: {one} {other}");
            };
            let (rows, columns) = (rows as u64, columns as u64);
            near(&weigh(&x, &means(rows, 7), &means(columns, 5)), &x.adaptive_avg_pool2d(size));
            near(&greatest(&x, size), &x.adaptive_max_pool2d(size).0);
            let larger = weigh(&x, &lines(rows, 7), &lines(columns, 5));
            if rows >= 7 {
                near(&larger, &x.upsample_bilinear2d(size, false, None, None));
            }
        }
        let line = Tensor::from_slice(&lines(4, 2)).reshape([4, 2]);
        let middles = line.matmul(&Tensor::from_slice(&[0.0_f32, 1.0]).unsqueeze(1)).flatten(0, -1);
        assert_eq!(
            middles.to_device(Device::Cpu).to_kind(Kind::Float),
            Tensor::from_slice(&[0.0_f32, 0.25, 0.75, 1.0])
        );
    }
}
