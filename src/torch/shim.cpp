// What tch leaves out of ATen. Every function returns null, or an error text that the caller frees with
// `lyceum_free`; no exception leaves this file. The headers are those of single operators, which compile in seconds.

#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

#include <dlfcn.h>
#include <sched.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/Exception.h>

using at::Tensor;

namespace {

// Told where there is no memory left to tell of an error; never freed.
char no_memory[] = "out of memory";

char *text(const char *message) {
    char *copy = strdup(message);
    return copy ? copy : no_memory;
}

// Runs `body`; what it throws becomes a text.
template <typename Body> char *caught(Body body) {
    try {
        body();
        return nullptr;
    } catch (const c10::Error &error) {
        return text(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return text(error.what());
    } catch (...) {
        return text("an unknown error in libtorch");
    }
}

std::vector<Tensor> list(Tensor *const *tensors, size_t count) {
    std::vector<Tensor> list;
    list.reserve(count);
    for (size_t i = 0; i < count; i++) list.push_back(*tensors[i]);
    return list;
}

// Whether two tensors of one shape have their elements in the same places. An axis of extent 1 has no places to differ.
bool laid_out_alike(const Tensor &a, const Tensor &b) {
    if (!a.is_non_overlapping_and_dense() || !b.is_non_overlapping_and_dense()) return false;
    for (int64_t axis = 0; axis < a.dim(); axis++)
        if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
    return true;
}

// The fused kernels walk all tensors of a parameter as plain memory and check nothing: this checks. What belongs to
// the optimiser must be laid out as its parameter is.
std::vector<Tensor> slots(Tensor *const *tensors, const std::vector<Tensor> &parameters) {
    auto slots = list(tensors, parameters.size());
    for (size_t i = 0; i < slots.size(); i++)
        TORCH_CHECK(slots[i].sizes() == parameters[i].sizes() && slots[i].dtype() == parameters[i].dtype() &&
                        slots[i].device() == parameters[i].device() && laid_out_alike(slots[i], parameters[i]),
                    "tensor ", i, " does not match its parameter: ", slots[i].sizes(), " and ", parameters[i].sizes());
    return slots;
}

// Gradients come as the backward pass leaves them; one that is laid out otherwise is brought into its parameter's
// layout.
std::vector<Tensor> gradients_of(Tensor *const *tensors, const std::vector<Tensor> &parameters) {
    auto gradients = list(tensors, parameters.size());
    for (size_t i = 0; i < gradients.size(); i++) {
        const auto &parameter = parameters[i];
        TORCH_CHECK(gradients[i].sizes() == parameter.sizes() && gradients[i].device() == parameter.device(),
                    "gradient ", i, " does not match its parameter: ", gradients[i].sizes(), " and ",
                    parameter.sizes());
        if (gradients[i].dtype() != parameter.dtype() || !laid_out_alike(gradients[i], parameter)) {
            auto same = at::empty_strided(parameter.sizes(), parameter.strides(), parameter.options());
            same.copy_(gradients[i]);
            gradients[i] = same;
        }
    }
    return gradients;
}

} // namespace

extern "C" {

void lyceum_free(char *message) {
    if (message != no_memory) free(message);
}

// `maxima` is null without amsgrad; `decoupled` is AdamW's weight decay. `step` is a float32 scalar on the parameters' device, already counting this step.
char *lyceum_fused_adam(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *means,
                        Tensor *const *squares, Tensor *const *maxima, size_t count, const Tensor *step, double rate,
                        double beta_1, double beta_2, double weight_decay, double epsilon, bool decoupled) {
    return caught([&] {
        c10::NoGradGuard no_grad;
        std::vector<Tensor> steps(count, *step);
        auto weights = list(parameters, count);
        auto greatest = maxima ? slots(maxima, weights) : std::vector<Tensor>();
        auto own_gradients = gradients_of(gradients, weights);
        auto first = slots(means, weights), second = slots(squares, weights);
        if (decoupled)
            at::_fused_adamw_(weights, own_gradients, first, second, greatest, steps, rate, beta_1, beta_2, weight_decay,
                              epsilon, maxima != nullptr, /*maximize=*/false);
        else
            at::_fused_adam_(weights, own_gradients, first, second, greatest, steps, rate, beta_1, beta_2, weight_decay,
                             epsilon, maxima != nullptr, /*maximize=*/false);
    });
}

// `step` is a float32 scalar on the parameters' device.
char *lyceum_fused_adagrad(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *sums, size_t count,
                           const Tensor *step, double rate, double weight_decay, double epsilon) {
    return caught([&] {
        c10::NoGradGuard no_grad;
        std::vector<Tensor> steps(count, *step);
        auto weights = list(parameters, count);
        at::_fused_adagrad_(weights, gradients_of(gradients, weights), slots(sums, weights), steps, rate, /*lr_decay=*/0.0,
                            weight_decay, epsilon, /*maximize=*/false);
    });
}

// `momenta` is null without momentum.
char *lyceum_fused_sgd(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *momenta, size_t count,
                       double rate, double momentum, double weight_decay, bool nesterov, bool first_step) {
    return caught([&] {
        c10::NoGradGuard no_grad;
        auto weights = list(parameters, count);
        auto velocities = momenta ? slots(momenta, weights) : std::vector<Tensor>();
        at::_fused_sgd_(weights, gradients_of(gradients, weights), velocities, weight_decay, momentum, rate, /*dampening=*/0.0,
                        nesterov, /*maximize=*/false, first_step);
    });
}

// The 2-norm of all tensors as one vector, a scalar on their device.
char *lyceum_global_norm(Tensor *const *tensors, size_t count, Tensor **out) {
    return caught([&] {
        c10::NoGradGuard no_grad;
        *out = new Tensor(at::linalg_vector_norm(at::stack(at::_foreach_norm(list(tensors, count), 2))));
    });
}

// Multiplies every tensor by a scalar tensor, in place.
char *lyceum_scale(Tensor *const *tensors, size_t count, const Tensor *factor) {
    return caught([&] {
        c10::NoGradGuard no_grad;
        auto scaled = list(tensors, count);
        at::_foreach_mul_(scaled, *factor);
    });
}

// Fills a CPU tensor with draws of a normal distribution from a generator of its own: no other draw shifts them.
char *lyceum_fill_normal(Tensor *tensor, double mean, double deviation, uint64_t seed) {
    return caught([&] { tensor->normal_(mean, deviation, at::detail::createCPUGenerator(seed)); });
}

// tch's own takes no slope.
char *lyceum_leaky_relu(const Tensor *tensor, double slope, Tensor **out) {
    return caught([&] { *out = new Tensor(at::leaky_relu(*tensor, slope)); });
}

// The tensor with its channels (axis 1 of 4) innermost in memory, or C-contiguous.
char *lyceum_contiguous(const Tensor *tensor, bool channels_last, Tensor **out) {
    return caught([&] {
        auto format = channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
        auto laid_out = tensor->contiguous(format);
        // Of one channel both layouts are the same memory, and libtorch takes the strides' word for which it is: what
        // a convolution gives, and the kernels behind it, follow from that.
        if (channels_last) {
            auto strides = c10::get_channels_last_strides_2d(laid_out.sizes());
            if (laid_out.strides() != at::IntArrayRef(strides)) laid_out = laid_out.as_strided(laid_out.sizes(), strides);
        }
        *out = new Tensor(laid_out);
    });
}

// Whether the elements lie side by side in that order.
char *lyceum_is_contiguous(const Tensor *tensor, bool channels_last, bool *out) {
    return caught([&] {
        *out = tensor->is_contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    });
}

// Until it is ended, on the same thread, what is computed there is followed by no autograd and counts no versions.
char *lyceum_begin_inference(void **out) {
    return caught([&] { *out = new c10::InferenceMode(true); });
}

void lyceum_end_inference(void *mode) { delete static_cast<c10::InferenceMode *>(mode); }

// Where a call uses as many threads as this process may use cores, each thread beside the calling one gets a core of its own;
// else all may run where the process may.
char *lyceum_spread_threads(size_t threads) {
    return caught([&] {
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
        std::vector<int> cores;
        for (int core = 0; core < CPU_SETSIZE; core++)
            if (CPU_ISSET(core, &allowed)) cores.push_back(core);
        at::parallel_for(0, static_cast<int64_t>(threads), 1, [&](int64_t, int64_t) {
            size_t thread = at::get_thread_num();
            if (thread == 0) return;
            cpu_set_t own = allowed;
            if (cores.size() == threads && thread < threads) {
                CPU_ZERO(&own);
                CPU_SET(cores[thread], &own);
            }
            // Where it is refused the threads run as they did.
            sched_setaffinity(0, sizeof own, &own);
        });
    });
}

char *lyceum_deterministic(bool wanted) {
    return caught([&] {
        at::globalContext().setDeterministicAlgorithms(wanted, /*warn_only=*/false);
        // Fresh memory is written before it is read in all that is used here; filling it first costs a pass over it.
        at::globalContext().setDeterministicFillUninitializedMemory(false);
    });
}

char *lyceum_free_gpu_memory(int8_t index, uint64_t *bytes) {
    return caught([&] { *bytes = at::getDeviceAllocator(at::kCUDA)->getMemoryInfo(index).first; });
}

// Memory on GPUs and memory pinned for them that nothing uses any more goes back to the driver, for other processes.
char *lyceum_empty_gpu_caches() {
    return caught([&] {
        if (!at::globalContext().hasCUDA()) return;
        at::getDeviceAllocator(at::kCUDA)->emptyCache();
        at::getHostAllocator(at::kCUDA)->empty_cache();
    });
}

// Host memory that a GPU can fetch from by itself. What is freed is not handed out again before copies from it have ended.
char *lyceum_empty_pinned(const int64_t *shape, size_t count, int8_t kind, Tensor **out) {
    return caught([&] {
        const auto options = at::TensorOptions().dtype(at::ScalarType(kind)).pinned_memory(true);
        *out = new Tensor(at::empty({shape, count}, options));
    });
}

// Opens a library for the whole process: what it registers with ATen as it is loaded is there from then on.
char *lyceum_open_library(const char *path) {
    if (dlopen(path, RTLD_NOW | RTLD_GLOBAL)) return nullptr;
    const char *error = dlerror();
    return text(error ? error : "the library cannot be opened");
}
}
