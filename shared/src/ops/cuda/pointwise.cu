/* One value after another: QuickGELU, its gradient, and a bias for each column. */

struct quick_gelu {
    const real *x; /* [count] */
    real *y;       /* [count] */
    wide count;
};

struct quick_gelu_grad {
    const real *x;    /* [count] */
    const real *grad; /* [count] */
    real *grad_x;     /* [count] */
    wide count;
};

struct add_bias {
    real *y;          /* [count / width, width], added to */
    const real *bias; /* [width] */
    wide count;
    unsigned width;
};

/* The slope of the sigmoid (openai/CLIP clip/model.py). */
#define SLOPE 1.702f

DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-SLOPE * x)); }

GLOBAL void KERNEL(quick_gelu)(struct quick_gelu a) {
    FOR_EACH(at, a.count) {
        float x = value_of(a.x[at]);
        a.y[at] = real_of(x / (1.0f + expf(-SLOPE * x)));
    }
}

GLOBAL void KERNEL(quick_gelu_grad)(struct quick_gelu_grad a) {
    FOR_EACH(at, a.count) {
        float x = value_of(a.x[at]), share = sigmoid(x);
        float slope = share * (1.0f + SLOPE * x * (1.0f - share));
        a.grad_x[at] = real_of(value_of(a.grad[at]) * slope);
    }
}

GLOBAL void KERNEL(add_bias)(struct add_bias a) {
    FOR_EACH(at, a.count) {
        a.y[at] = real_of(value_of(a.y[at]) + value_of(a.bias[at % a.width]));
    }
}
