use tch::Tensor;

use super::parameter::said;
use super::{
    Around, FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, Word, image, product,
};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Shape, Size};

crate::record! {
    /// A transposed convolution: `[channels, height, width]` to `[filters, height', width']`, each input spread over a window
    /// by the kernel and the windows added up; it makes images larger where a convolution with strides makes them smaller
    /// (Zeiler, Krishnan, Taylor and Fergus, *Deconvolutional Networks*, 2010; Dumoulin and Visin, *A guide to convolution
    /// arithmetic for deep learning*, 2016).
    ///
    /// As in Keras an extent becomes `extent · stride` with padding `same` and `(extent − 1) · stride + max(kernel, stride)`
    /// with `valid`; with `output_padding` `(extent − 1) · stride + kernel mod 2 + output_padding` and
    /// `(extent − 1) · stride + kernel + output_padding`, kernel being the cells that a dilated one reaches over. Explicit
    /// padding is cut off the whole, `(extent − 1) · stride + kernel`.
    pub struct Conv2dTranspose {
        /// How many channels come out, such as `32`.
        pub filters: Size,
        /// Extents of the window: a number, or `[height, width]`.
        pub kernel_size: Pair,
        /// Steps from window to window in what comes out: a number, or `[height, width]`.
        pub strides: Pair = Pair::square(1),
        /// What is cut off the edges: `valid` for nothing, `same`, or a number, `[height, width]` or
        /// `[[top, bottom], [left, right]]`.
        pub padding: Padding<2> = Padding::Valid,
        /// What is added below and to the right, less than the strides: a number, or `[height, width]`.
        pub output_padding: Option<Pair<0>> = None,
        /// Steps from cell to cell within the window: a number, or `[height, width]`.
        pub dilation_rate: Pair = Pair::square(1),
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the kernel, `[height, width, filters, channels]`, holds at first.
        pub kernel_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[filters]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
        /// The penalty on the kernel.
        pub kernel_regularizer: Option<Regularizer> = None,
        /// The penalty on the bias.
        pub bias_regularizer: Option<Regularizer> = None,
        /// The penalty on what comes out of the layer, its activation included, by example.
        pub activity_regularizer: Option<Regularizer> = None,
        /// What is made to hold of the kernel behind each step.
        pub kernel_constraint: Option<Constraint> = None,
        /// What is made to hold of the bias behind each step.
        pub bias_constraint: Option<Constraint> = None,
    }
}

/// Along one axis: how long the result is, and what is cut off before and behind it. Less than nothing is what is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    extent: u64,
    before: i64,
    behind: i64,
}

/// Keras's geometry, as its backends have it.
fn cut(
    input: u64,
    span: u64,
    stride: u64,
    padding: &Padding<2>,
    extra: Option<u64>,
    axis: usize,
) -> Option<Cut> {
    let (span, step) = (span as i64, stride as i64);
    let (before, behind) = match padding {
        Padding::Valid => (0, -extra.map_or((step - span).max(0), |extra| extra as i64)),
        Padding::Same => {
            let around = extra.map_or(step + span - 2, |extra| span + span % 2 - 2 + extra as i64);
            let left = (around / 2 + around % 2).min(span - 1);
            (span - 1 - left, span - 1 - (around - left))
        }
        Padding::Explicit(Around(around)) => {
            (around[axis][0] as i64, around[axis][1] as i64 - extra.unwrap_or(0) as i64)
        }
    };
    let whole = i64::try_from((input - 1).checked_mul(stride)?).ok()?.checked_add(span)?;
    let extent = u64::try_from(whole - before - behind).ok().filter(|extent| *extent > 0)?;
    Some(Cut { extent, before, behind })
}

impl Conv2dTranspose {
    fn cuts(&self, [_, height, width]: [u64; 3]) -> Result<[Cut; 2], FieldError> {
        let (kernel, strides, dilation) =
            (self.kernel_size.extents(), self.strides.extents(), self.dilation_rate.extents());
        let extra = self.output_padding.map(Pair::extents);
        if extra.is_some_and(|extra| (0..2).any(|axis| extra[axis] >= strides[axis])) {
            return Err(FieldError::new("output_padding", "must be less than the strides"));
        }
        let along = |input: u64, axis: usize| {
            let span = (kernel[axis] - 1) * dilation[axis] + 1;
            let cut = cut(input, span, strides[axis], &self.padding, extra.map(|extra| extra[axis]), axis);
            cut.ok_or_else(|| {
                FieldError::new("padding", format!("leaves nothing of an image of {height} × {width}"))
            })
        };
        Ok([along(height, 0)?, along(width, 1)?])
    }
}

impl LayerConfig for Conv2dTranspose {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let cuts = self.cuts(input)?;
        let (filters, [height, width]) = (self.filters.get(), self.kernel_size.extents());
        // Keras counts a kernel's last axis but one as what flows in, whatever that is.
        let fans = (product(&[height, width, filters])?, product(&[height, width, input[0]])?);
        let shape = [input[0], filters, height, width];
        let mut parameters = vec![said!(self, kernel).parameter(&shape, Layout::Convolution, fans)?];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[filters], Layout::Same, (filters, filters))?);
        }
        let output = vec![filters, cuts[0].extent, cuts[1].extent];
        let elements = product(&output)?;
        let flops = product(&[2, height, width, filters, product(&input)?])?;
        // Before the edges are cut off it is a little larger.
        let copied = if cuts.iter().all(|cut| cut.before == cut.behind) { 1 } else { 2 };
        Ok(Inferred { output, parameters, flops, saved: elements.saturating_mul(copied) })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built {
            kernel: parameters[0].shallow_clone(),
            bias: parameters.get(1).map(Tensor::shallow_clone),
            strides: self.strides.libtorch(),
            dilation: self.dilation_rate.libtorch(),
            cuts: image(inputs).and_then(|input| self.cuts(input)).ok(),
        })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }

    fn convolves(&self) -> bool {
        true
    }
}

struct Built {
    kernel: Tensor,
    bias: Option<Tensor>,
    strides: [i64; 2],
    dilation: [i64; 2],
    cuts: Option<[Cut; 2]>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let Some(cuts) = &self.cuts else { return inputs[0].shallow_clone() };
        // The kernel cuts the same off both sides and adds behind; what is left is cut off its result.
        let padding = cuts.map(|cut| cut.before.min(cut.behind).max(0));
        let added = cuts.map(|cut| (-cut.behind).max(0));
        let bias = self.bias.as_ref();
        let mut y =
            inputs[0].conv_transpose2d(&self.kernel, bias, self.strides, padding, added, 1, self.dilation);
        for (axis, cut) in cuts.iter().enumerate() {
            let (axis_of_batch, before) = (axis as i64 + 2, cut.before - padding[axis]);
            if before > 0 || cut.behind > padding[axis] {
                y = y.narrow(axis_of_batch, before, cut.extent as i64);
            }
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_cut_as_keras_cuts_them() {
        let cut = |input, span, stride, padding: Padding<2>, extra| {
            let Cut { extent, before, behind } = cut(input, span, stride, &padding, extra, 0).unwrap();
            (extent, before, behind)
        };
        assert_eq!(cut(5, 3, 2, Padding::Valid, None), (11, 0, 0));
        assert_eq!(cut(5, 2, 3, Padding::Valid, None), (15, 0, -1));
        assert_eq!(cut(5, 3, 2, Padding::Same, None), (10, 0, 1));
        assert_eq!(cut(5, 4, 2, Padding::Same, None), (10, 1, 1));
        assert_eq!(cut(5, 2, 3, Padding::Same, None), (15, 0, -1));
        assert_eq!(cut(5, 3, 2, Padding::Same, Some(1)), (10, 0, 1));
        assert_eq!(cut(5, 3, 2, Padding::Same, Some(0)), (9, 1, 1));
        assert_eq!(cut(5, 3, 2, Padding::Explicit(Around([[1, 2], [0, 0]])), Some(1)), (9, 1, 1));
    }
}
