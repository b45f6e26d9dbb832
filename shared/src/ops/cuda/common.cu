/* What all kernels are written in: plain C, so that a host's compiler reads them too.
 *
 * A source is compiled once for each type of its values, f32 or, with IN_BF16, bf16. Sums
 * are in f32 either way. Shared memory is what a launch asks for; there is no other. Every
 * lane of a warp takes part in what the warp does together.
 */

#ifdef __CUDACC__
#define GLOBAL extern "C" __global__
#define DEVICE static __device__ __forceinline__
#define SHARED extern __shared__
#endif

#define LANES 32
#define ALL_LANES 0xffffffffu

typedef unsigned long long wide;

#ifdef IN_BF16

typedef unsigned short real;
#define KERNEL(name) name##_bf16

DEVICE float value_of(real x) { return __uint_as_float((unsigned)x << 16); }

/* To the nearest, ties to even. */
DEVICE real real_of(float x) {
    unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (real)((bits >> 16) | 0x40u); /* not a number */
    }
    return (real)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

#else

typedef float real;
#define KERNEL(name) name##_f32

DEVICE float value_of(real x) { return x; }

DEVICE real real_of(float x) { return x; }

#endif

/* Several turns for a thread, where there are fewer of them. */
#define FOR_EACH(at, count)                                                          \
    for (wide at = (wide)blockIdx.x * blockDim.x + threadIdx.x; at < (count);        \
         at += (wide)gridDim.x * blockDim.x)

/* The sum over the lanes of a warp, in each of them. */
DEVICE float warp_sum(float x) {
    for (int step = LANES / 2; step > 0; step /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, step);
    }
    return x;
}

/* The largest of the lanes of a warp, in each of them. */
DEVICE float warp_largest(float x) {
    for (int step = LANES / 2; step > 0; step /= 2) {
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, step));
    }
    return x;
}
