/* Values that are set to zero at random. The draws are those of ops/dropout.rs: 64 bits for
 * each value, one behind the other, from a stream of ChaCha with eight rounds (Bernstein
 * 2008), whose block number n is eight draws. Work that is recorded reads the key, which is
 * another one in each step, from memory. */

struct dropout {
    const real *x;        /* [count] */
    real *y;              /* [count] */
    const unsigned *told; /* [8]: what key is in truth, or none */
    wide count;
    wide stream; /* which of the key's */
    wide bound;  /* a value with a draw below it is dropped */
    unsigned key[8];
    float factor; /* of values that are kept */
};

#define DRAWS 8

DEVICE unsigned turned(unsigned x, int by) { return x << by | x >> (32 - by); }

#define QUARTER_ROUND(a, b, c, d)                                                    \
    a += b, d = turned(d ^ a, 16);                                                   \
    c += d, b = turned(b ^ c, 12);                                                   \
    a += b, d = turned(d ^ a, 8);                                                    \
    c += d, b = turned(b ^ c, 7)

/* The words of a block: two make a draw, the lower one first. */
DEVICE void draw(const unsigned *key, wide stream, wide block, unsigned words[16]) {
    unsigned start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
    for (int at = 0; at < 8; at++) {
        start[4 + at] = key[at];
    }
    start[12] = (unsigned)block, start[13] = (unsigned)(block >> 32);
    start[14] = (unsigned)stream, start[15] = (unsigned)(stream >> 32);
    unsigned w0 = start[0], w1 = start[1], w2 = start[2], w3 = start[3];
    unsigned w4 = start[4], w5 = start[5], w6 = start[6], w7 = start[7];
    unsigned w8 = start[8], w9 = start[9], w10 = start[10], w11 = start[11];
    unsigned w12 = start[12], w13 = start[13], w14 = start[14], w15 = start[15];
    for (int pair = 0; pair < 4; pair++) {
        QUARTER_ROUND(w0, w4, w8, w12);
        QUARTER_ROUND(w1, w5, w9, w13);
        QUARTER_ROUND(w2, w6, w10, w14);
        QUARTER_ROUND(w3, w7, w11, w15);
        QUARTER_ROUND(w0, w5, w10, w15);
        QUARTER_ROUND(w1, w6, w11, w12);
        QUARTER_ROUND(w2, w7, w8, w13);
        QUARTER_ROUND(w3, w4, w9, w14);
    }
    unsigned mixed[16] = {w0, w1, w2,  w3,  w4,  w5,  w6,  w7,
                          w8, w9, w10, w11, w12, w13, w14, w15};
    for (int at = 0; at < 16; at++) {
        words[at] = mixed[at] + start[at];
    }
}

GLOBAL void KERNEL(dropout)(struct dropout a) {
    unsigned key[8];
    for (int at = 0; at < 8; at++) {
        key[at] = a.told ? a.told[at] : a.key[at];
    }
    FOR_EACH(block, (a.count + DRAWS - 1) / DRAWS) {
        unsigned words[2 * DRAWS];
        draw(key, a.stream, block, words);
        for (int at = 0; at < DRAWS; at++) {
            wide place = DRAWS * block + at;
            if (place < a.count) {
                wide drawn = words[2 * at] | (wide)words[2 * at + 1] << 32;
                float factor = drawn < a.bound ? 0.0f : a.factor;
                a.y[place] = real_of(value_of(a.x[place]) * factor);
            }
        }
    }
}
