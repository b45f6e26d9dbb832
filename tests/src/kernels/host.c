#include "host.h"

#include <sched.h>
#include <stdatomic.h>

/* As much as every device has for a block: 48 KiB. */
#define MEMORY (48 * 1024 / sizeof(float4))
#define LANES 32
#define MOST_THREADS 1024

_Thread_local struct place threadIdx, blockIdx;
struct place blockDim, gridDim;
float4 memory[MEMORY];

struct barrier {
    atomic_uint arrived, turn;
};

static struct barrier of_block, of_warp[MOST_THREADS / LANES];
static float of_lane[2][MOST_THREADS];
static _Thread_local int half; /* of them: that of the last exchange may still be read */

static void wait_for(struct barrier *barrier, unsigned count) {
    unsigned turn = atomic_load(&barrier->turn);
    if (atomic_fetch_add(&barrier->arrived, 1) + 1 == count) {
        atomic_store(&barrier->arrived, 0);
        atomic_fetch_add(&barrier->turn, 1);
        return;
    }
    while (atomic_load(&barrier->turn) == turn) {
        sched_yield();
    }
}

void __syncthreads(void) { wait_for(&of_block, blockDim.x); }

void __syncwarp(void) { wait_for(&of_warp[threadIdx.x / LANES], LANES); }

float __shfl_xor_sync(unsigned lanes, float value, int other) {
    (void)lanes; /* all of them */
    half = 1 - half;
    of_lane[half][threadIdx.x] = value;
    __syncwarp();
    return of_lane[half][threadIdx.x ^ (unsigned)other];
}

/* Before a kernel's threads begin. */
void host_launch(unsigned blocks_x, unsigned blocks_y, unsigned threads) {
    gridDim = (struct place){blocks_x, blocks_y};
    blockDim = (struct place){threads, 1};
}

/* In each thread, before it runs a block: its memory holds no numbers yet. */
void host_begin(unsigned thread, unsigned x, unsigned y) {
    threadIdx = (struct place){thread, 0};
    blockIdx = (struct place){x, y};
    __syncthreads();
    if (thread == 0) {
        memset(memory, 0xff, sizeof memory);
    }
    __syncthreads();
}

/* How many values of four bytes a block may share. */
unsigned host_shared(void) { return MEMORY * 4; }
