/* CUDA on the host: every thread of a block is a thread of the system, blocks run one after
 * another. Only what the kernels use is here. */

#include <math.h>
#include <string.h>

struct place {
    unsigned x, y;
};

typedef struct {
    float x, y, z, w;
} float4;

extern _Thread_local struct place threadIdx, blockIdx;
extern struct place blockDim, gridDim;

/* The shared memory of the block that runs. */
extern float4 memory[];

#define GLOBAL
#define DEVICE static inline
#define SHARED extern

void __syncthreads(void);
void __syncwarp(void);
float __shfl_xor_sync(unsigned lanes, float value, int other);

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
