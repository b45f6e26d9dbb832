/* Attention over sequences that may share their first rows, forwards and backwards, a head
 * for each blockIdx.y. Weights live in shared memory, 16 by 32 at a time: the softmax is
 * taken online (Milakov and Gimelshein 2018; Dao et al. 2022, section 3).
 *
 * A block of four warps holds a tile of up to 16 rows, four for each warp: queries, or in
 * the gradient of keys and values those. Past it go the rows of the other side, 32 at a
 * time, one for each lane.
 *
 * ops/attention/tiles.rs makes the tables.
 */

#define WARPS 4
#define OWN 4              /* rows of a warp */
#define TILE (WARPS * OWN) /* rows of a block */
#define COLUMNS 4          /* columns of a lane, at most */
#define NOTHING (-1e30f)   /* less than any score */
#define DIRECT 0xffffffffu /* no slot: the rows' gradient is whole */

/* What a query sees: rows from `first` to before `end`, and of those that its group shares
 * the ones from `shared` to before `shared_end`. */
struct seen {
    unsigned first, end, shared, shared_end;
};

/* Queries from `query` on; the rows that one of them sees: `shared_rows` from `shared` on,
 * `own_rows` from `own` on. */
struct query_tile {
    unsigned query, queries, shared, shared_rows, own, own_rows;
};

/* Rows from `row` on; the queries that one of them is seen by; where their gradient goes. */
struct key_tile {
    unsigned row, rows, query, queries, slot;
};

/* Rows whose gradient lies in several slots, one behind another. */
struct slots {
    unsigned row, rows, slot, slots;
};

/* A matrix of a number of heads side by side. */
struct heads {
    real *values;
    wide stride; /* from row to row */
};

struct attention {
    struct heads queries, keys, values, out;
    const struct seen *seen;
    const struct query_tile *tiles;
    unsigned count, width; /* tiles; columns of a head, a multiple of four */
    float scale;
    unsigned heads;
};

struct attention_grad_queries {
    struct heads queries, keys, values, grad, grad_queries;
    const struct seen *seen;
    const struct query_tile *tiles;
    float *statistics; /* [heads, queries, 2]: logarithm of the sum, weighed gradient */
    unsigned count, width, all_queries;
    float scale;
    unsigned heads;
};

struct attention_grad_keys_values {
    struct heads queries, keys, values, grad, grad_keys, grad_values;
    const struct seen *seen;
    const struct key_tile *tiles;
    const float *statistics; /* [heads, queries, 2] */
    float *partial;          /* [slots, heads, 2, 16, width] */
    unsigned count, width, all_queries;
    float scale;
    unsigned heads;
};

struct attention_sum_slots {
    struct heads grad_keys, grad_values;
    const struct slots *sums;
    const float *partial; /* [slots, heads, 2, 16, width] */
    unsigned count, width, heads;
};

DEVICE real *row_of(struct heads of, unsigned row, unsigned width) {
    return of.values + (wide)row * of.stride + (wide)blockIdx.y * width;
}

DEVICE int sees(struct seen query, unsigned row) {
    return (row >= query.first && row < query.end)
        || (row >= query.shared && row < query.shared_end);
}

/* The row of a query tile's keys at a place. */
DEVICE unsigned key_row(struct query_tile tile, unsigned at) {
    return at < tile.shared_rows ? tile.shared + at : tile.own + (at - tile.shared_rows);
}

/* Copies a row of a head, a column for each lane in turn; zeros if there is none. */
DEVICE void load_row(float *to, struct heads from, int is_there, unsigned row, unsigned width) {
    const real *values = row_of(from, is_there ? row : 0, width);
    for (unsigned column = threadIdx.x % LANES; column < width; column += LANES) {
        to[column] = is_there ? value_of(values[column]) : 0.0f;
    }
}

/* The tile's rows, side by side. */
DEVICE void load_own(float *to, struct heads from, unsigned first, unsigned rows, unsigned width) {
    for (unsigned at = threadIdx.x / LANES; at < TILE; at += WARPS) {
        load_row(to + at * width, from, at < rows, first + at, width);
    }
}

/* A row for each lane, `width + 1` apart, so that lanes read columns without conflicts. */
DEVICE void load_rows(float *to, struct heads from, unsigned first, unsigned rows, unsigned width) {
    for (unsigned at = threadIdx.x / LANES; at < LANES; at += WARPS) {
        load_row(to + at * (width + 1), from, at < rows, first + at, width);
    }
}

/* The same for the rows that a tile of queries sees, from a place on. */
DEVICE void load_keys(float *to, struct heads from, struct query_tile tile, unsigned first,
                      unsigned width) {
    unsigned all = tile.shared_rows + tile.own_rows;
    for (unsigned at = threadIdx.x / LANES; at < LANES; at += WARPS) {
        unsigned row = key_row(tile, first + at);
        load_row(to + at * (width + 1), from, first + at < all, row, width);
    }
}

/* The products of the warp's four rows with the row of the lane. */
DEVICE void products(float *sums, const float4 *own, const float *of_lane, unsigned width) {
    for (int row = 0; row < OWN; row++) {
        sums[row] = 0.0f;
    }
    for (unsigned at = 0; at < width / 4; at++) {
        float a = of_lane[4 * at], b = of_lane[4 * at + 1];
        float c = of_lane[4 * at + 2], d = of_lane[4 * at + 3];
        for (int row = 0; row < OWN; row++) {
            float4 four = own[row * (width / 4) + at];
            sums[row] += four.x * a + four.y * b + four.z * c + four.w * d;
        }
    }
}

/* Adds to the lane's columns of four rows those of 32 others, by the weights `[4, 32]`. */
DEVICE void add_weighed(float sums[OWN][COLUMNS], const float4 *weights, const float *rows,
                        unsigned width) {
    unsigned lane = threadIdx.x % LANES;
    for (unsigned at = 0; at < LANES / 4; at++) {
        float4 w[OWN];
        for (int row = 0; row < OWN; row++) {
            w[row] = weights[row * (LANES / 4) + at];
        }
        for (int of = 0; of < COLUMNS; of++) {
            unsigned column = of * LANES + lane;
            if (column < width) {
                const float *from = rows + 4 * at * (width + 1) + column;
                float a = from[0], b = from[width + 1];
                float c = from[2 * (width + 1)], d = from[3 * (width + 1)];
                for (int row = 0; row < OWN; row++) {
                    sums[row][of] += w[row].x * a + w[row].y * b + w[row].z * c + w[row].w * d;
                }
            }
        }
    }
}

DEVICE void clear(float sums[OWN][COLUMNS]) {
    for (int row = 0; row < OWN; row++) {
        for (int of = 0; of < COLUMNS; of++) {
            sums[row][of] = 0.0f;
        }
    }
}

DEVICE struct seen nothing_seen(void) {
    struct seen none = {0, 0, 0, 0};
    return none;
}

/* Writes the lane's columns of the warp's rows, each times a factor. */
DEVICE void store(struct heads to, unsigned first, unsigned rows, float sums[OWN][COLUMNS],
                  const float *factors, unsigned width) {
    unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    for (int row = 0; row < OWN; row++) {
        unsigned own = warp * OWN + row;
        for (int of = 0; of < COLUMNS; of++) {
            unsigned column = of * LANES + lane;
            if (own < rows && column < width) {
                row_of(to, first + own, width)[column] = real_of(sums[row][of] * factors[row]);
            }
        }
    }
}

GLOBAL void KERNEL(attention)(struct attention a) {
    SHARED float4 memory[];
    unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, width = a.width;
    float *queries = (float *)memory;              /* [16, width] */
    float *weights = queries + TILE * width;       /* [16, 32] */
    float *keys = weights + TILE * LANES;          /* [32, width + 1] */
    float *values = keys + LANES * (width + 1);    /* [32, width + 1] */
    const float4 *own_queries = (const float4 *)(queries + warp * OWN * width);
    const float4 *own_weights = (const float4 *)(weights + warp * OWN * LANES);

    struct query_tile tile = a.tiles[blockIdx.x];
    unsigned rows = tile.shared_rows + tile.own_rows;
    load_own(queries, a.queries, tile.query, tile.queries, width);
    struct seen seen[OWN];
    float largest[OWN], sum[OWN], sums[OWN][COLUMNS];
    for (int row = 0; row < OWN; row++) {
        unsigned own = warp * OWN + row;
        seen[row] = own < tile.queries ? a.seen[tile.query + own] : nothing_seen();
        largest[row] = NOTHING;
        sum[row] = 0.0f;
    }
    clear(sums);

    for (unsigned first = 0; first < rows; first += LANES) {
        __syncthreads(); /* the rows before these have been read */
        load_keys(keys, a.keys, tile, first, width);
        load_keys(values, a.values, tile, first, width);
        __syncthreads();
        float scores[OWN];
        products(scores, own_queries, keys + lane * (width + 1), width);
        for (int row = 0; row < OWN; row++) {
            int is_seen = first + lane < rows && sees(seen[row], key_row(tile, first + lane));
            float score = is_seen ? scores[row] * a.scale : NOTHING;
            float next = fmaxf(largest[row], warp_largest(score));
            float before = expf(largest[row] - next);
            float weight = is_seen ? expf(score - next) : 0.0f;
            sum[row] = sum[row] * before + weight;
            for (int of = 0; of < COLUMNS; of++) {
                sums[row][of] *= before;
            }
            largest[row] = next;
            weights[(warp * OWN + row) * LANES + lane] = weight;
        }
        __syncwarp();
        add_weighed(sums, own_weights, values, width);
    }
    float factors[OWN];
    for (int row = 0; row < OWN; row++) {
        float all = warp_sum(sum[row]);
        factors[row] = all > 0.0f ? 1.0f / all : 0.0f;
    }
    store(a.out, tile.query, tile.queries, sums, factors, width);
}

GLOBAL void KERNEL(attention_grad_queries)(struct attention_grad_queries a) {
    SHARED float4 memory[];
    unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, width = a.width;
    float *queries = (float *)memory;              /* [16, width] */
    float *grad = queries + TILE * width;          /* [16, width] */
    float *weights = grad + TILE * width;          /* [16, 32] */
    float *keys = weights + TILE * LANES;          /* [32, width + 1] */
    float *values = keys + LANES * (width + 1);    /* [32, width + 1] */
    const float4 *own_queries = (const float4 *)(queries + warp * OWN * width);
    const float4 *own_grad = (const float4 *)(grad + warp * OWN * width);
    const float4 *own_weights = (const float4 *)(weights + warp * OWN * LANES);

    struct query_tile tile = a.tiles[blockIdx.x];
    unsigned rows = tile.shared_rows + tile.own_rows;
    load_own(queries, a.queries, tile.query, tile.queries, width);
    load_own(grad, a.grad, tile.query, tile.queries, width);
    struct seen seen[OWN];
    float largest[OWN], sum[OWN], weighed[OWN], sums[OWN][COLUMNS];
    for (int row = 0; row < OWN; row++) {
        unsigned own = warp * OWN + row;
        seen[row] = own < tile.queries ? a.seen[tile.query + own] : nothing_seen();
        largest[row] = NOTHING;
        sum[row] = 0.0f;
        weighed[row] = 0.0f;
    }
    clear(sums);

    /* First the sums of the softmax and of the gradients by its weights, then with those
     * the gradients of the scores. */
    for (int turn = 0; turn < 2; turn++) {
        for (unsigned first = 0; first < rows; first += LANES) {
            __syncthreads();
            load_keys(keys, a.keys, tile, first, width);
            load_keys(values, a.values, tile, first, width);
            __syncthreads();
            float scores[OWN], grads[OWN];
            products(scores, own_queries, keys + lane * (width + 1), width);
            products(grads, own_grad, values + lane * (width + 1), width);
            for (int row = 0; row < OWN; row++) {
                int is_seen = first + lane < rows && sees(seen[row], key_row(tile, first + lane));
                float score = is_seen ? scores[row] * a.scale : NOTHING;
                if (turn == 0) {
                    float next = fmaxf(largest[row], warp_largest(score));
                    float before = expf(largest[row] - next);
                    float weight = is_seen ? expf(score - next) : 0.0f;
                    sum[row] = sum[row] * before + weight;
                    weighed[row] = weighed[row] * before + weight * grads[row];
                    largest[row] = next;
                } else {
                    float weight = is_seen ? expf(score - largest[row]) : 0.0f;
                    weights[(warp * OWN + row) * LANES + lane] =
                        weight * (grads[row] - weighed[row]) * a.scale;
                }
            }
            if (turn == 1) {
                __syncwarp();
                add_weighed(sums, own_weights, keys, width);
            }
        }
        if (turn == 0) {
            for (int row = 0; row < OWN; row++) {
                unsigned own = warp * OWN + row;
                float all = warp_sum(sum[row]);
                weighed[row] = warp_sum(weighed[row]) / fmaxf(all, 1e-30f);
                largest[row] += logf(fmaxf(all, 1e-30f)); /* what a weight is divided by too */
                if (own < tile.queries && lane == 0) {
                    wide query = (wide)blockIdx.y * a.all_queries + tile.query + own;
                    a.statistics[2 * query] = largest[row];
                    a.statistics[2 * query + 1] = weighed[row];
                }
            }
        }
    }
    float factors[OWN] = {1.0f, 1.0f, 1.0f, 1.0f};
    store(a.grad_queries, tile.query, tile.queries, sums, factors, width);
}

GLOBAL void KERNEL(attention_grad_keys_values)(struct attention_grad_keys_values a) {
    SHARED float4 memory[];
    unsigned lane = threadIdx.x % LANES, warp = threadIdx.x / LANES, width = a.width;
    float *keys = (float *)memory;                 /* [16, width] */
    float *values = keys + TILE * width;           /* [16, width] */
    float *weights = values + TILE * width;        /* [16, 32] */
    float *slopes = weights + TILE * LANES;        /* [16, 32] */
    float *queries = slopes + TILE * LANES;        /* [32, width + 1] */
    float *grad = queries + LANES * (width + 1);   /* [32, width + 1] */
    const float4 *own_keys = (const float4 *)(keys + warp * OWN * width);
    const float4 *own_values = (const float4 *)(values + warp * OWN * width);
    const float4 *own_weights = (const float4 *)(weights + warp * OWN * LANES);
    const float4 *own_slopes = (const float4 *)(slopes + warp * OWN * LANES);

    struct key_tile tile = a.tiles[blockIdx.x];
    load_own(keys, a.keys, tile.row, tile.rows, width);
    load_own(values, a.values, tile.row, tile.rows, width);
    float of_keys[OWN][COLUMNS], of_values[OWN][COLUMNS];
    clear(of_keys);
    clear(of_values);

    for (unsigned first = 0; first < tile.queries; first += LANES) {
        unsigned left = tile.queries - first, query = tile.query + first + lane;
        __syncthreads();
        load_rows(queries, a.queries, tile.query + first, left, width);
        load_rows(grad, a.grad, tile.query + first, left, width);
        __syncthreads();
        struct seen seen = lane < left ? a.seen[query] : nothing_seen();
        wide at = 2 * ((wide)blockIdx.y * a.all_queries + query);
        float logarithm = lane < left ? a.statistics[at] : 0.0f;
        float weighed = lane < left ? a.statistics[at + 1] : 0.0f;
        float scores[OWN], grads[OWN];
        products(scores, own_keys, queries + lane * (width + 1), width);
        products(grads, own_values, grad + lane * (width + 1), width);
        for (int row = 0; row < OWN; row++) {
            unsigned own = warp * OWN + row;
            int is_seen = own < tile.rows && sees(seen, tile.row + own);
            float weight = is_seen ? expf(scores[row] * a.scale - logarithm) : 0.0f;
            weights[own * LANES + lane] = weight;
            slopes[own * LANES + lane] = weight * (grads[row] - weighed) * a.scale;
        }
        __syncwarp();
        add_weighed(of_values, own_weights, grad, width);
        add_weighed(of_keys, own_slopes, queries, width);
    }
    if (tile.slot == DIRECT) {
        float factors[OWN] = {1.0f, 1.0f, 1.0f, 1.0f};
        store(a.grad_keys, tile.row, tile.rows, of_keys, factors, width);
        store(a.grad_values, tile.row, tile.rows, of_values, factors, width);
        return;
    }
    float *partial = a.partial + ((wide)tile.slot * a.heads + blockIdx.y) * 2 * TILE * width;
    for (int row = 0; row < OWN; row++) {
        for (int of = 0; of < COLUMNS; of++) {
            unsigned column = of * LANES + lane, place = (warp * OWN + row) * width + column;
            if (column < width) {
                partial[place] = of_keys[row][of];
                partial[TILE * width + place] = of_values[row][of];
            }
        }
    }
}

GLOBAL void KERNEL(attention_sum_slots)(struct attention_sum_slots a) {
    struct slots tile = a.sums[blockIdx.x];
    unsigned width = a.width;
    for (unsigned row = threadIdx.x / LANES; row < tile.rows; row += WARPS) {
        for (unsigned column = threadIdx.x % LANES; column < width; column += LANES) {
            float of_key = 0.0f, of_value = 0.0f;
            for (unsigned slot = tile.slot; slot < tile.slot + tile.slots; slot++) {
                wide start = ((wide)slot * a.heads + blockIdx.y) * 2 * TILE * width;
                const float *partial = a.partial + start + row * width + column;
                of_key += partial[0];
                of_value += partial[TILE * width];
            }
            row_of(a.grad_keys, tile.row + row, width)[column] = real_of(of_key);
            row_of(a.grad_values, tile.row + row, width)[column] = real_of(of_value);
        }
    }
}
