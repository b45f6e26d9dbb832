/* The kernels for one type of values. */

#include "host.h"

#include "../../../shared/src/ops/cuda/common.cu"

#include "../../../shared/src/ops/cuda/attention.cu"
#include "../../../shared/src/ops/cuda/dropout.cu"
#include "../../../shared/src/ops/cuda/layer_norm.cu"
#include "../../../shared/src/ops/cuda/pointwise.cu"
#ifndef IN_BF16
#include "../../../shared/src/ops/cuda/optimizer.cu"
#endif
