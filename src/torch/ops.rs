//! Calls into ATen that tch does not offer, over `shim.cpp`. As in tch, the plain form of a call panics with libtorch's
//! text where the `try_` form returns it: after a plan is proven, no call fails for a reason of shape.
#![expect(unsafe_code, reason = "the binding of a C++ shim")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use tch::kind::Element;
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::TorchError;

unsafe extern "C" {
    fn lyceum_free(message: *mut c_char);
    fn lyceum_begin_inference(out: *mut *mut c_void) -> *mut c_char;
    fn lyceum_end_inference(mode: *mut c_void);
    fn lyceum_fused_adam(
        parameters: *const *const C_tensor,
        gradients: *const *const C_tensor,
        means: *const *const C_tensor,
        squares: *const *const C_tensor,
        maxima: *const *const C_tensor,
        count: usize,
        step: *const C_tensor,
        rate: f64,
        beta_1: f64,
        beta_2: f64,
        weight_decay: f64,
        epsilon: f64,
        decoupled: bool,
    ) -> *mut c_char;
    fn lyceum_fused_adagrad(
        parameters: *const *const C_tensor,
        gradients: *const *const C_tensor,
        sums: *const *const C_tensor,
        count: usize,
        step: *const C_tensor,
        rate: f64,
        weight_decay: f64,
        epsilon: f64,
    ) -> *mut c_char;
    fn lyceum_fused_sgd(
        parameters: *const *const C_tensor,
        gradients: *const *const C_tensor,
        momenta: *const *const C_tensor,
        count: usize,
        rate: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
        first_step: bool,
    ) -> *mut c_char;
    fn lyceum_global_norm(
        tensors: *const *const C_tensor,
        count: usize,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn lyceum_scale(tensors: *const *const C_tensor, count: usize, factor: *const C_tensor) -> *mut c_char;
    fn lyceum_fill_normal(tensor: *mut C_tensor, mean: f64, deviation: f64, seed: u64) -> *mut c_char;
    fn lyceum_leaky_relu(tensor: *const C_tensor, slope: f64, out: *mut *mut C_tensor) -> *mut c_char;
    fn lyceum_contiguous(
        tensor: *const C_tensor,
        channels_last: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn lyceum_is_contiguous(tensor: *const C_tensor, channels_last: bool, out: *mut bool) -> *mut c_char;
    fn lyceum_deterministic(wanted: bool) -> *mut c_char;
    fn lyceum_empty_gpu_caches() -> *mut c_char;
    fn lyceum_empty_pinned(shape: *const i64, count: usize, kind: i8, out: *mut *mut C_tensor)
    -> *mut c_char;
    fn lyceum_spread_threads(threads: usize) -> *mut c_char;
}

/// Takes over the error text of a call.
pub(super) fn checked(message: *mut c_char) -> Result<(), TorchError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a text of its own that ends in a zero byte; it is freed once, here.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    unsafe { lyceum_free(message) };
    Err(TorchError(text))
}

#[expect(clippy::panic, reason = "as tch's own calls do; the run's outermost function catches it")]
fn infallible<T>(result: Result<T, TorchError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn pointers(tensors: &[Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(Tensor::as_ptr).collect()
}

/// The lists that one fused call walks along together.
fn same_length(first: &[Tensor], others: &[&[Tensor]]) -> Result<(), TorchError> {
    match others.iter().find(|other| other.len() != first.len()) {
        Some(other) => Err(TorchError(format!("{} parameters but {} tensors", first.len(), other.len()))),
        None => Ok(()),
    }
}

/// A tensor that the shim made.
fn made(call: impl FnOnce(*mut *mut C_tensor) -> *mut c_char) -> Result<Tensor, TorchError> {
    let mut out = ptr::null_mut();
    checked(call(&raw mut out))?;
    // SAFETY: without an error the shim has stored a new tensor, which nobody else owns.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// What a step of Adam reads beside its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamOptions {
    pub learning_rate: f64,
    pub beta_1: f64,
    pub beta_2: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
    /// Whether the decay goes past the quotient, as `adamw` has it.
    pub decoupled: bool,
    /// Steps including this one.
    pub step: u64,
}

/// A step of Adam on every parameter, in place and in one kernel. `slots` are the means, the squares and, in the
/// amsgrad variant, the greatest squares.
pub fn try_fused_adam(
    parameters: &[Tensor],
    gradients: &[Tensor],
    slots: &[Vec<Tensor>],
    options: &AdamOptions,
) -> Result<(), TorchError> {
    let [means, squares, maxima @ ..] = slots else {
        return Err(TorchError(format!("{} slots, where Adam has two or three", slots.len())));
    };
    let maxima = maxima.first().map(Vec::as_slice);
    same_length(parameters, &[gradients, means, squares, maxima.unwrap_or(parameters)])?;
    let Some(first) = parameters.first() else { return Ok(()) };
    let step = Tensor::full([], options.step as f64, (Kind::Float, first.device()));
    let (gradients, means, squares) = (pointers(gradients), pointers(means), pointers(squares));
    let (weights, maxima) = (pointers(parameters), maxima.map(pointers));
    // SAFETY: the lists are of one length and their tensors outlive the call.
    checked(unsafe {
        lyceum_fused_adam(
            weights.as_ptr(),
            gradients.as_ptr(),
            means.as_ptr(),
            squares.as_ptr(),
            maxima.as_ref().map_or(ptr::null(), Vec::as_ptr),
            weights.len(),
            step.as_ptr(),
            options.learning_rate,
            options.beta_1,
            options.beta_2,
            options.weight_decay,
            options.epsilon,
            options.decoupled,
        )
    })
}

/// See [`try_fused_adam`].
pub fn fused_adam(parameters: &[Tensor], gradients: &[Tensor], slots: &[Vec<Tensor>], options: &AdamOptions) {
    infallible(try_fused_adam(parameters, gradients, slots, options));
}

/// What a step of Adagrad reads beside its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdagradOptions {
    pub learning_rate: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
}

/// A step of Adagrad on every parameter, in place and in one kernel. The one slot is the sums of squares.
pub fn try_fused_adagrad(
    parameters: &[Tensor],
    gradients: &[Tensor],
    slots: &[Vec<Tensor>],
    options: &AdagradOptions,
) -> Result<(), TorchError> {
    let [sums] = slots else {
        return Err(TorchError(format!("{} slots, where Adagrad has one", slots.len())));
    };
    same_length(parameters, &[gradients, sums])?;
    let Some(first) = parameters.first() else { return Ok(()) };
    let step = Tensor::full([], 1.0, (Kind::Float, first.device()));
    let (weights, gradients, sums) = (pointers(parameters), pointers(gradients), pointers(sums));
    // SAFETY: the lists are of one length and their tensors outlive the call.
    checked(unsafe {
        lyceum_fused_adagrad(
            weights.as_ptr(),
            gradients.as_ptr(),
            sums.as_ptr(),
            weights.len(),
            step.as_ptr(),
            options.learning_rate,
            options.weight_decay,
            options.epsilon,
        )
    })
}

/// See [`try_fused_adagrad`].
pub fn fused_adagrad(
    parameters: &[Tensor],
    gradients: &[Tensor],
    slots: &[Vec<Tensor>],
    options: &AdagradOptions,
) {
    infallible(try_fused_adagrad(parameters, gradients, slots, options));
}

/// What a step of gradient descent reads beside its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    pub learning_rate: f64,
    pub momentum: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
    /// The momenta hold nothing yet.
    pub first_step: bool,
}

/// A step of gradient descent on every parameter, in place and in one kernel. `momenta` is empty without momentum.
pub fn try_fused_sgd(
    parameters: &[Tensor],
    gradients: &[Tensor],
    momenta: &[Tensor],
    options: &SgdOptions,
) -> Result<(), TorchError> {
    same_length(parameters, &[gradients, if momenta.is_empty() { parameters } else { momenta }])?;
    if parameters.is_empty() {
        return Ok(());
    }
    let (weights, gradients, velocities) = (pointers(parameters), pointers(gradients), pointers(momenta));
    // SAFETY: the lists are of one length (or the last is none) and their tensors outlive the call.
    checked(unsafe {
        lyceum_fused_sgd(
            weights.as_ptr(),
            gradients.as_ptr(),
            if momenta.is_empty() { ptr::null() } else { velocities.as_ptr() },
            weights.len(),
            options.learning_rate,
            options.momentum,
            options.weight_decay,
            options.nesterov,
            options.first_step,
        )
    })
}

/// See [`try_fused_sgd`].
pub fn fused_sgd(parameters: &[Tensor], gradients: &[Tensor], momenta: &[Tensor], options: &SgdOptions) {
    infallible(try_fused_sgd(parameters, gradients, momenta, options));
}

/// The norm of all tensors as one vector: a scalar on their device.
pub fn global_norm(tensors: &[Tensor]) -> Tensor {
    if tensors.is_empty() {
        return Tensor::from(0.0_f32);
    }
    let list = pointers(tensors);
    // SAFETY: the tensors outlive the call.
    infallible(made(|out| unsafe { lyceum_global_norm(list.as_ptr(), list.len(), out) }))
}

/// Multiplies every tensor by a scalar tensor, in place.
pub fn scale(tensors: &mut [Tensor], factor: &Tensor) {
    let list = pointers(tensors);
    if !list.is_empty() {
        // SAFETY: the tensors outlive the call.
        infallible(checked(unsafe { lyceum_scale(list.as_ptr(), list.len(), factor.as_ptr()) }));
    }
}

/// The tensor with its channels innermost in memory (4 axes), the layout that convolutions are fastest in. It is the
/// same tensor where that is so already.
pub fn contiguous_channels_last(tensor: &Tensor) -> Tensor {
    // SAFETY: the tensor outlives the call.
    infallible(made(|out| unsafe { lyceum_contiguous(tensor.as_ptr(), true, out) }))
}

/// Draws of a normal distribution around nought, on the CPU, that follow from the shape and the seed alone.
pub fn normal(shape: &[i64], deviation: f64, seed: u64) -> Tensor {
    let mut tensor = Tensor::empty(shape, (Kind::Float, Device::Cpu));
    // SAFETY: the tensor outlives the call, and nobody else has it.
    infallible(checked(unsafe { lyceum_fill_normal(tensor.as_mut_ptr(), 0.0, deviation, seed) }));
    tensor
}

/// What is above nought, and what is below it times the slope. Gradients are taken through it.
pub fn leaky_relu(tensor: &Tensor, slope: f64) -> Tensor {
    // SAFETY: the tensor outlives the call.
    infallible(made(|out| unsafe { lyceum_leaky_relu(tensor.as_ptr(), slope, out) }))
}

/// Whether the channels of a tensor of 4 axes are innermost in memory.
pub fn is_channels_last(tensor: &Tensor) -> bool {
    let mut answer = false;
    // SAFETY: the tensor outlives the call.
    infallible(checked(unsafe { lyceum_is_contiguous(tensor.as_ptr(), true, &raw mut answer) }));
    answer
}

/// Memory of the CPU, not filled, that a GPU can fetch from while both go on. It is used again only when what was fetched
/// from it has arrived.
pub fn pinned(shape: &[i64], kind: Kind) -> Tensor {
    // SAFETY: the shape outlives the call.
    infallible(made(|out| unsafe { lyceum_empty_pinned(shape.as_ptr(), shape.len(), kind as i8, out) }))
}

/// Gives memory on GPUs, and memory pinned for them, that this process keeps for later back to the driver, for others. It
/// fails where something on a GPU has failed.
pub fn empty_gpu_caches() -> Result<(), TorchError> {
    // SAFETY: no pointers are passed.
    checked(unsafe { lyceum_empty_gpu_caches() })
}

/// Makes libtorch choose, for the whole process, kernels that give the same bytes every time.
pub fn deterministic(wanted: bool) {
    // SAFETY: no pointers are passed.
    infallible(checked(unsafe { lyceum_deterministic(wanted) }));
}

/// Sets how many threads a libtorch call may use when it is made from this thread.
pub fn set_threads(threads: u32) {
    tch::set_num_threads(threads as i32);
}

/// Keeps the threads of a call apart that has as many of them as the process may use cores: those beside this one are bound
/// to a core each. Without it two of them are now and then put on one core, wait for each other, and stay there for seconds.
/// With another number of threads each may run anywhere.
pub fn spread_threads(threads: u32) {
    // SAFETY: no pointers are passed.
    infallible(checked(unsafe { lyceum_spread_threads(threads as usize) }));
}

fn elements<T: Element>(tensor: &Tensor) -> *mut T {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == T::KIND && tensor.is_contiguous(),
        "a slice is of a contiguous CPU tensor of {:?}",
        T::KIND
    );
    tensor.data_ptr().cast()
}

/// As long as it lives, what its thread computes is followed by no autograd and counts no versions: each operation has less
/// to do than under [`tch::no_grad`]. What comes out is for reading, not for training.
#[derive(Debug)]
pub struct InferenceMode {
    /// Not to be ended by another thread, which a raw pointer forbids.
    mode: *mut c_void,
}

impl InferenceMode {
    pub fn begin() -> Self {
        let mut mode = ptr::null_mut();
        // SAFETY: the pointer is for what is begun, which is ended once and by this thread.
        infallible(checked(unsafe { lyceum_begin_inference(&raw mut mode) }));
        Self { mode }
    }
}

impl Drop for InferenceMode {
    fn drop(&mut self) {
        // SAFETY: begun by this thread, and not ended yet.
        unsafe { lyceum_end_inference(self.mode) };
    }
}

/// The elements of a contiguous CPU tensor, to read. It must hold elements of `T`.
pub fn as_slice<T: Element>(tensor: &Tensor) -> &[T] {
    let first = elements::<T>(tensor);
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: so many elements of that type lie side by side from there on, for as long as the tensor lives.
    unsafe { std::slice::from_raw_parts(first, tensor.numel()) }
}

/// The elements of a contiguous CPU tensor, to fill. It must hold elements of `T`, and no other tensor may be reading
/// or writing the same memory while the slice lives.
pub fn as_slice_mut<T: Element>(tensor: &mut Tensor) -> &mut [T] {
    let first = elements::<T>(tensor);
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: so many elements of that type lie side by side from there on, for as long as the tensor lives.
    unsafe { std::slice::from_raw_parts_mut(first, tensor.numel()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_for_reading_is_followed_by_nothing() {
        let kernel = Tensor::from_slice(&[1.0_f32, 2.0]).set_requires_grad(true);
        let plain = &kernel * 2.0;
        let mode = InferenceMode::begin();
        let read = &kernel * 2.0;
        drop(mode);
        assert!(read.is_inference() && !read.requires_grad() && plain.requires_grad());
        assert_eq!(as_slice::<f32>(&read), [2.0, 4.0]);
        assert!((&kernel * 2.0).requires_grad());
    }

    #[test]
    fn an_exception_becomes_a_text() {
        let [a, b] =
            [Tensor::zeros([3], (Kind::Float, Device::Cpu)), Tensor::zeros([4], (Kind::Float, Device::Cpu))];
        let options = SgdOptions {
            learning_rate: 0.1,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            first_step: true,
        };
        let error = try_fused_sgd(&[a], &[b], &[], &options);
        assert!(error.unwrap_err().0.contains("does not match"));
        let error = try_fused_sgd(&[Tensor::from(1.0_f32)], &[], &[], &options);
        assert_eq!(error, Err(TorchError("1 parameters but 0 tensors".into())));
    }

    #[test]
    fn gradients_in_another_layout_are_understood() {
        let kernel = || Tensor::arange(36, (Kind::Float, Device::Cpu)).reshape([2, 2, 3, 3]);
        let (inner, plain) = (contiguous_channels_last(&kernel()), kernel());
        let options = SgdOptions {
            learning_rate: 1.0,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            first_step: true,
        };
        fused_sgd(&[inner.shallow_clone()], &[kernel()], &[], &options);
        fused_sgd(&[plain.shallow_clone()], &[contiguous_channels_last(&kernel())], &[], &options);
        assert_eq!(inner, plain);
        assert_eq!(plain.abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn a_buffer_is_filled_in_place() {
        let mut buffer = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        as_slice_mut::<f32>(&mut buffer).copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(buffer.double_value(&[1, 2]), 6.0);
        assert!(as_slice::<f32>(&Tensor::zeros([0], (Kind::Float, Device::Cpu))).is_empty());
    }

    #[test]
    fn channels_go_innermost() {
        let plain = Tensor::arange(120, (Kind::Float, Device::Cpu)).reshape([2, 3, 4, 5]);
        let inner = contiguous_channels_last(&plain);
        assert_eq!(inner.stride(), [60, 1, 15, 3]);
        assert!(is_channels_last(&inner) && !is_channels_last(&plain));
        assert_eq!(inner, plain);
    }

    /// Where libtorch cannot tell the two layouts apart it takes the slower kernels, from there to the end.
    #[test]
    fn one_channel_is_innermost_too() {
        let options = (Kind::Float, Device::Cpu);
        let images = contiguous_channels_last(&Tensor::ones([2, 1, 8, 8], options));
        let kernel = contiguous_channels_last(&Tensor::ones([3, 1, 3, 3], options));
        assert_eq!((images.stride(), kernel.stride()), (vec![64, 1, 8, 1], vec![9, 1, 3, 1]));
        let features = images.conv2d::<Tensor>(&kernel, None, [1, 1], [0, 0], [1, 1], 1);
        assert!(is_channels_last(&features));
        assert_eq!(features.min().double_value(&[]), 9.0);
    }

    #[test]
    fn norms_and_factors_are_of_all_tensors_together() {
        let mut tensors = [Tensor::from_slice(&[3.0_f32, 0.0]), Tensor::from_slice(&[4.0_f32])];
        assert_eq!(global_norm(&tensors).double_value(&[]), 5.0);
        scale(&mut tensors, &Tensor::from(0.5_f32));
        assert_eq!(tensors[1].double_value(&[0]), 2.0);
    }
}
