/* One step of an optimiser on one variable, with the operations of train/optimizer.rs in
 * their order. Compiled without fused multiply-adds: the same to the bit as on the CPU.
 * A step that is recorded reads what is another number in each step from memory. */

struct sgd_step {
    float *value;          /* [count] */
    float *velocity;       /* [count], of zeros before the first step */
    const float *gradient; /* [count] */
    const float *loss;     /* of the step, or none */
    const float *rates;    /* [1]: what lr is in truth, or none */
    wide count;
    float lr, momentum, weight_decay;
};

struct adam_w_step {
    float *value;          /* [count] */
    float *first, *second; /* [count], of zeros before the first step */
    const float *gradient; /* [count] */
    const float *loss;     /* of the step, or none */
    const float *rates;    /* [3]: what keep, rate and correction are in truth, or none */
    wide count;
    float beta_1, rest_1; /* and 1 - beta_1 */
    float beta_2, rest_2; /* and 1 - beta_2 */
    float keep;           /* 1 - lr * weight_decay */
    float rate;           /* lr / (1 - beta_1^steps) */
    float correction;     /* 1 / (1 - beta_2^steps) */
    float epsilon;
};

/* A loss that is no number, or without bounds, changes nothing. */
DEVICE int is_finite(const float *loss) { return loss == 0 || *loss - *loss == 0.0f; }

#define OWN_PLACE ((wide)blockIdx.x * blockDim.x + threadIdx.x)

GLOBAL void KERNEL(sgd_step)(struct sgd_step a) {
    wide at = OWN_PLACE;
    if (at >= a.count || !is_finite(a.loss)) {
        return;
    }
    float value = a.value[at];
    float gradient = a.gradient[at] + value * a.weight_decay;
    float velocity = a.velocity[at] * a.momentum + gradient;
    float lr = a.rates ? a.rates[0] : a.lr;
    a.velocity[at] = velocity;
    a.value[at] = value - velocity * lr;
}

GLOBAL void KERNEL(adam_w_step)(struct adam_w_step a) {
    wide at = OWN_PLACE;
    if (at >= a.count || !is_finite(a.loss)) {
        return;
    }
    float keep = a.rates ? a.rates[0] : a.keep;
    float rate = a.rates ? a.rates[1] : a.rate;
    float correction = a.rates ? a.rates[2] : a.correction;
    float gradient = a.gradient[at];
    float first = a.first[at] * a.beta_1 + gradient * a.rest_1;
    float second = a.second[at] * a.beta_2 + gradient * gradient * a.rest_2;
    float scale = sqrtf(second * correction) + a.epsilon;
    a.first[at] = first;
    a.second[at] = second;
    a.value[at] = a.value[at] * keep - first * rate / scale;
}
