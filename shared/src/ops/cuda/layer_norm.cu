/* LayerNorm over rows, a warp for each. */

struct layer_norm {
    const real *x;      /* [rows, width] */
    const real *weight; /* [width] */
    const real *bias;   /* [width] */
    real *y;            /* [rows, width] */
    unsigned rows, width;
    float epsilon;
};

struct layer_norm_grad_x {
    const real *x;      /* [rows, width] */
    const real *weight; /* [width] */
    const real *grad;   /* [rows, width] */
    real *grad_x;       /* [rows, width] */
    unsigned rows, width;
    float epsilon;
};

struct layer_norm_statistics {
    const real *x;     /* [rows, width] */
    float *statistics; /* [rows, 2]: mean, 1 / deviation */
    unsigned rows, width;
    float epsilon;
};

struct layer_norm_grad_weight_bias {
    const real *x;           /* [rows, width] */
    const real *grad;        /* [rows, width] */
    const float *statistics; /* [rows, 2] */
    real *both;              /* [2, width]: of the weight, of the bias */
    unsigned rows, width;
};

/* The row of this warp. */
DEVICE unsigned own_row(void) {
    return blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
}

DEVICE float mean_of(const real *x, unsigned width) {
    float sum = 0.0f;
    for (unsigned at = threadIdx.x % LANES; at < width; at += LANES) {
        sum += value_of(x[at]);
    }
    return warp_sum(sum) / (float)width;
}

/* 1 / sqrt(variance + epsilon). */
DEVICE float scale_of(const real *x, unsigned width, float mean, float epsilon) {
    float sum = 0.0f;
    for (unsigned at = threadIdx.x % LANES; at < width; at += LANES) {
        float off = value_of(x[at]) - mean;
        sum += off * off;
    }
    return 1.0f / sqrtf(warp_sum(sum) / (float)width + epsilon);
}

GLOBAL void KERNEL(layer_norm)(struct layer_norm a) {
    unsigned row = own_row();
    if (row >= a.rows) {
        return;
    }
    const real *x = a.x + (wide)row * a.width;
    real *y = a.y + (wide)row * a.width;
    float mean = mean_of(x, a.width);
    float scale = scale_of(x, a.width, mean, a.epsilon);
    for (unsigned at = threadIdx.x % LANES; at < a.width; at += LANES) {
        float normal = (value_of(x[at]) - mean) * scale;
        y[at] = real_of(normal * value_of(a.weight[at]) + value_of(a.bias[at]));
    }
}

GLOBAL void KERNEL(layer_norm_grad_x)(struct layer_norm_grad_x a) {
    unsigned row = own_row();
    if (row >= a.rows) {
        return;
    }
    const real *x = a.x + (wide)row * a.width;
    const real *grad = a.grad + (wide)row * a.width;
    real *grad_x = a.grad_x + (wide)row * a.width;
    float mean = mean_of(x, a.width);
    float scale = scale_of(x, a.width, mean, a.epsilon);
    float sum = 0.0f, product = 0.0f;
    for (unsigned at = threadIdx.x % LANES; at < a.width; at += LANES) {
        float g = value_of(grad[at]) * value_of(a.weight[at]);
        sum += g;
        product += g * (value_of(x[at]) - mean);
    }
    float mean_grad = warp_sum(sum) / (float)a.width;
    product = warp_sum(product) * scale * scale / (float)a.width;
    for (unsigned at = threadIdx.x % LANES; at < a.width; at += LANES) {
        float g = value_of(grad[at]) * value_of(a.weight[at]);
        grad_x[at] = real_of(scale * (g - mean_grad - (value_of(x[at]) - mean) * product));
    }
}

GLOBAL void KERNEL(layer_norm_statistics)(struct layer_norm_statistics a) {
    unsigned row = own_row();
    if (row >= a.rows) {
        return;
    }
    const real *x = a.x + (wide)row * a.width;
    float mean = mean_of(x, a.width);
    float scale = scale_of(x, a.width, mean, a.epsilon);
    if (threadIdx.x % LANES == 0) {
        a.statistics[2 * (wide)row] = mean;
        a.statistics[2 * (wide)row + 1] = scale;
    }
}

/* A block for 32 columns: its warps take the rows in turn, then sum up in one order. */
GLOBAL void KERNEL(layer_norm_grad_weight_bias)(struct layer_norm_grad_weight_bias a) {
    SHARED float4 memory[];
    float *sums = (float *)memory; /* [warps, 2, 32] */
    unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    unsigned warps = blockDim.x / LANES;
    unsigned column = blockIdx.x * LANES + lane;
    float of_weight = 0.0f, of_bias = 0.0f;
    if (column < a.width) {
        for (unsigned row = warp; row < a.rows; row += warps) {
            wide at = (wide)row * a.width + column;
            float mean = a.statistics[2 * (wide)row];
            float scale = a.statistics[2 * (wide)row + 1];
            float grad = value_of(a.grad[at]);
            of_weight += grad * (value_of(a.x[at]) - mean) * scale;
            of_bias += grad;
        }
    }
    sums[warp * 2 * LANES + lane] = of_weight;
    sums[warp * 2 * LANES + LANES + lane] = of_bias;
    __syncthreads();
    if (warp < 2 && column < a.width) {
        float sum = 0.0f;
        for (unsigned of = 0; of < warps; of++) {
            sum += sums[of * 2 * LANES + warp * LANES + lane];
        }
        a.both[(wide)warp * a.width + column] = real_of(sum);
    }
}
