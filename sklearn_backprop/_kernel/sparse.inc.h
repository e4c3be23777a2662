/* Training and prediction on sparse rows, at a cost that goes with their entries.
 *
 * A row in training units is x - μ, where x has the entries of the row times `scale`,
 * and μ is mean × scale. It is not sparse, but the same μ is in all. So the weights of
 * the inputs are kept as W = σ (U - c μᵀ). c has a number for each hidden unit, and
 * takes all that the updates owe to μ:
 *
 *     W (x - μ) = σ (U x - (μ · x) c - q),              q = (U - c μᵀ) μ
 *     W += g (x - μ)ᵀ:   U += g xᵀ / σ,   c += g / σ,   q += ((μ · x) - (μ · μ)) g / σ
 *
 * and a penalty only multiplies σ. The weights of an input lie together, in rows.
 *
 * μ is 0 where a column is far from 0 (see sparse_rows.inc.h): its entries are centered
 * one by one, and a zero in it becomes an entry.
 */

#define GROUP 4           /* registers of hidden units that are taken together */
#define SMALL_SIGMA 1e-12 /* it goes into the weights before it underflows */

typedef struct {
    ptrdiff_t d, units;
    REAL *U;              /* U[j][h]  (d, units) */
    REAL *c, *q, *bias;   /* (units,), behind U */
    double *sigma;        /* one number */
    /* of a batch, gathered in the deltas; (units,) */
    REAL *sum_g, *sum_q;
    double mu_mu;         /* μ · μ */
    ptrdiff_t n_far;      /* columns that are far */
    /* room in the workspace */
    REAL *a, *g;          /* (units,) */
    REAL *x;              /* (d,) */
    ptrdiff_t *columns;   /* (d,) */
    REAL *left;
} NAME(rows);

/* the entries of a row: columns, and values in training units but for the mean */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *columns;
    const REAL *x;
    double mu_x;          /* μ · x */
} NAME(entries);

static NAME(rows) NAME(rows_of)(const network *net, const samples *data)
{
    NAME(rows) rows = {.d = net->d, .units = padded(net->H, sizeof(REAL))};

    rows.U = net->rows;
    rows.c = rows.U + rows.d * rows.units;
    rows.q = rows.c + rows.units;
    rows.bias = rows.q + rows.units;
    rows.sum_q = rows.bias + rows.units;
    rows.sigma = (double *)(rows.sum_q + rows.units);
    if (net->deltas) {
        rows.sum_g = (REAL *)net->deltas + rows.d * rows.units;
    }
    for (ptrdiff_t j = 0; j < rows.d; j++) {
        const double mu = NAME(implicit_mean)(data, j);
        rows.mu_mu += mu * mu;
        rows.n_far += is_far(data, j);
    }
    rows.a = net->workspace;
    rows.g = rows.a + rows.units;
    rows.columns = (ptrdiff_t *)(rows.g + rows.units);
    rows.x = (REAL *)(rows.columns + padded(rows.d, sizeof(ptrdiff_t)));
    rows.left = rows.x + padded(rows.d, sizeof(REAL));
    return rows;
}

/* where the panels have the weight of input j and hidden unit h */
INLINE ptrdiff_t NAME(place)(ptrdiff_t d, ptrdiff_t h, ptrdiff_t j)
{
    return (h / TILE * (d + 1) + j) * TILE + h % TILE;
}

static void NAME(open_rows)(const network *net, const samples *data,
                            const void *weights)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const ptrdiff_t d = rows.d, units = rows.units, hidden = (d + 1) * units;
    const ptrdiff_t size = weights_size(d, net->H, net->K, sizeof(REAL));
    const REAL *const W = weights;

    memset(rows.c, 0, 4 * units * sizeof(REAL));
    *rows.sigma = 1;
    for (ptrdiff_t j = 0; j <= d; j++) {
        REAL *const to = j ? rows.U + (j - 1) * units : rows.bias;
        const VECTOR mu = ALL(j ? (REAL)NAME(implicit_mean)(data, j - 1) : 0);
        for (ptrdiff_t h = 0; h < units; h += LANES) {
            const VECTOR w = LOAD(W + NAME(place)(d, h, j));
            STORE(to + h, w);
            STORE(rows.q + h, FUSED(mu, w, LOAD(rows.q + h)));
        }
    }
    if (W != net->weights) {
        memcpy((REAL *)net->weights + hidden, W + hidden, (size - hidden) * sizeof(REAL));
    }
}

static void NAME(close_rows)(const network *net, const samples *data)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const ptrdiff_t d = rows.d, units = rows.units;
    const VECTOR sigma = ALL((REAL)*rows.sigma);
    REAL *const W = net->weights;

    for (ptrdiff_t j = 0; j <= d; j++) {
        for (ptrdiff_t h = 0; h < units; h += LANES) {
            VECTOR w = LOAD(rows.bias + h);
            if (j) {
                const VECTOR mu = ALL((REAL)NAME(implicit_mean)(data, j - 1));
                const VECTOR u = LOAD(rows.U + (j - 1) * units + h);
                w = sigma * FUSED(-mu, LOAD(rows.c + h), u);
            }
            STORE(W + NAME(place)(d, h, j), w);
        }
    }
}

/* one more entry, within what products can bear */
INLINE void NAME(append)(const NAME(rows) *rows, NAME(entries) *list, ptrdiff_t j,
                         double x)
{
    rows->columns[list->count] = j;
    rows->x[list->count++] = (REAL)(x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : x);
}

static NAME(entries) NAME(entries_of)(const NAME(rows) *rows, const samples *data,
                                      ptrdiff_t i)
{
    const NAME(row) row = NAME(row_of)(data, i);
    NAME(entries) list = {.columns = rows->columns, .x = rows->x};
    ptrdiff_t n_far = 0;

    EACH_ENTRY(row) {
        const double mu = NAME(implicit_mean)(data, j);
        NAME(append)(rows, &list, j,
                     NAME(in_training_units)(data, j, (double)row.values[e]));
        list.mu_x += mu * (double)rows->x[list.count - 1];
        n_far += is_far(data, j);
    }
    /* zeros in columns that are far: columns of a row ascend */
    ptrdiff_t e = row.start;
    for (ptrdiff_t j = 0; n_far < rows->n_far && j < rows->d; j++) {
        if (e < row.stop && NAME(index)(row.columns, row.wide, e) == j) {
            e++;
        } else if (is_far(data, j)) {
            NAME(append)(rows, &list, j, NAME(in_training_units)(data, j, 0));
            n_far++;
        }
    }
    return list;
}

/* a = W x̃ of a row, for `width` registers of hidden units from the first on */
INLINE void NAME(product_of_group)(const NAME(rows) *rows, const NAME(entries) *list,
                                   ptrdiff_t width, ptrdiff_t first)
{
    const VECTOR sigma = ALL((REAL)*rows->sigma), minus_mu_x = ALL((REAL)-list->mu_x);
    VECTOR sum[GROUP];

    EACH(p, width) sum[p] = ALL(0);
    for (ptrdiff_t e = 0; e < list->count; e++) {
        const VECTOR input = ALL(list->x[e]);
        const REAL *const u = rows->U + list->columns[e] * rows->units + first;
        EACH(p, width) sum[p] = FUSED(input, LOAD(u + p * LANES), sum[p]);
    }
    EACH(p, width) {
        const ptrdiff_t h = first + p * LANES;
        sum[p] = FUSED(minus_mu_x, LOAD(rows->c + h), sum[p]) - LOAD(rows->q + h);
        STORE(rows->a + h, FUSED(sigma, sum[p], LOAD(rows->bias + h)));
    }
}

static void NAME(product_with_row)(const NAME(rows) *rows, const NAME(entries) *list)
{
    ptrdiff_t h = 0;

    for (; h + GROUP * LANES <= rows->units; h += GROUP * LANES) {
        NAME(product_of_group)(rows, list, GROUP, h);
    }
    for (; h < rows->units; h += LANES) {
        NAME(product_of_group)(rows, list, 1, h);
    }
}

/* U, or its deltas, += factor g xᵀ with the entries of a row, for such units */
INLINE void NAME(add_to_group)(REAL *U, const NAME(rows) *rows,
                               const NAME(entries) *list, REAL factor, ptrdiff_t width,
                               ptrdiff_t first)
{
    VECTOR part[GROUP];

    EACH(p, width) part[p] = factor * LOAD(rows->g + first + p * LANES);
    for (ptrdiff_t e = 0; e < list->count; e++) {
        const VECTOR input = ALL(list->x[e]);
        REAL *const u = U + list->columns[e] * rows->units + first;
        EACH(p, width)
            STORE(u + p * LANES, FUSED(input, part[p], LOAD(u + p * LANES)));
    }
}

/* Hidden units come in reverse: a cache may still have what the product read last. */
static void NAME(add_row)(REAL *U, const NAME(rows) *rows, const NAME(entries) *list,
                          REAL factor)
{
    ptrdiff_t h = rows->units;

    for (; h % (GROUP * LANES); h -= LANES) {
        NAME(add_to_group)(U, rows, list, factor, 1, h - LANES);
    }
    for (; h > 0; h -= GROUP * LANES) {
        NAME(add_to_group)(U, rows, list, factor, GROUP, h - GROUP * LANES);
    }
}

/* to += factor g */
static void NAME(add)(REAL *to, REAL factor, const REAL *g, ptrdiff_t units)
{
    for (ptrdiff_t h = 0; h < units; h += LANES) {
        STORE(to + h, FUSED(ALL(factor), LOAD(g + h), LOAD(to + h)));
    }
}

/* A penalty multiplies σ, which goes into U, c and q once it has become small. */
static void NAME(shrink)(const NAME(rows) *rows, double penalty)
{
    *rows->sigma *= 1 - penalty;
    if (fabs(*rows->sigma) < SMALL_SIGMA) {
        for (REAL *u = rows->U; u < rows->bias; u++) {
            *u *= (REAL)*rows->sigma;
        }
        *rows->sigma = 1;
    }
}

/* the weights of an input take its deltas */
INLINE void NAME(take)(REAL *u, REAL factor, REAL *delta, ptrdiff_t units)
{
    NAME(add)(u, factor, delta, units);
    memset(delta, 0, units * sizeof(REAL)); /* a column may come again */
}

/* U takes the deltas of the entries first ≤ i ≤ last of the order: of the columns in
 * their rows, or of all if that is less work. Nobody looks at signals meanwhile, so
 * that neither may take longer than all columns do, however long the batch. */
static void NAME(take_deltas)(const NAME(rows) *rows, REAL factor, REAL *deltas,
                              const samples *data, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t units = rows->units;
    ptrdiff_t work = 0;

    for (ptrdiff_t i = first; i <= last && work < rows->d; i++) {
        work += 1 + values_at(data, i) + rows->n_far;
    }
    for (ptrdiff_t j = 0; work >= rows->d && j < rows->d; j++) {
        NAME(take)(rows->U + j * units, factor, deltas + j * units, units);
    }
    for (ptrdiff_t i = first; work < rows->d && i <= last; i++) {
        const NAME(entries) list =
            NAME(entries_of)(rows, data, row_at(&data->order, i));
        for (ptrdiff_t e = 0; e < list.count; e++) {
            const ptrdiff_t j = list.columns[e];
            NAME(take)(rows->U + j * units, factor, deltas + j * units, units);
        }
    }
}

/* All weights take the deltas of a batch, which ends with entry `last` of the order. */
static void NAME(end_batch_of_rows)(const network *net, const samples *data,
                                    const NAME(rows) *rows, const rule *rule,
                                    ptrdiff_t last)
{
    const ptrdiff_t units = rows->units, hidden = (rows->d + 1) * units, K = net->K;
    const double penalty = rule->eta * rule->alpha;
    REAL *const deltas = net->deltas, *const v = (REAL *)net->weights + hidden;

    NAME(shrink)(rows, penalty);
    const REAL factor = (REAL)(1 / *rows->sigma);
    NAME(take_deltas)(rows, factor, deltas, data, last - last % rule->batch_size, last);
    NAME(add)(rows->bias, 1, rows->sum_g, units);
    NAME(add)(rows->c, factor, rows->sum_g, units);
    NAME(add)(rows->q, factor, rows->sum_q, units);
    memset(rows->sum_g, 0, units * sizeof(REAL));
    memset(rows->sum_q, 0, units * sizeof(REAL));
    NAME(change)(v, NULL, deltas + hidden, K * units, (REAL)penalty, 0);
    NAME(change)(v + K * units, NULL, deltas + hidden + K * units, K, 0, 0);
}

static double NAME(train_rows)(const network *net, const samples *data,
                               const rule *rule, ptrdiff_t start, ptrdiff_t stop,
                               double loss)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const NAME(outputs) out = NAME(outputs_of)(net, rule, rows.left);
    const ptrdiff_t units = rows.units;
    const int online = rule->batch_size == 1;
    const int kind = !online ? COLLECTING : rule->alpha ? WITH_PENALTY : PLAIN;
    const REAL *const g = rows.g;

    for (ptrdiff_t p = start; p < stop; p++) {
        const NAME(entries) list =
            NAME(entries_of)(&rows, data, row_at(&data->order, p));
        const REAL along = (REAL)(list.mu_x - rows.mu_mu);
        NAME(product_with_row)(&rows, &list);
        NAME(output)(&out, rows.a);
        loss += NAME(loss_of)(&out, data, p, rule->eta);
        NAME(learn)(&out, kind, rows.a, rows.g);
        if (online) {
            NAME(shrink)(&rows, rule->eta * rule->alpha);
            const REAL factor = (REAL)(1 / *rows.sigma);
            NAME(add_row)(rows.U, &rows, &list, factor);
            NAME(add)(rows.bias, 1, g, units);
            NAME(add)(rows.c, factor, g, units);
            NAME(add)(rows.q, factor * along, g, units);
            continue;
        }
        NAME(add_row)(net->deltas, &rows, &list, 1);
        NAME(add)(rows.sum_g, 1, g, units);
        NAME(add)(rows.sum_q, along, g, units);
        if ((p + 1) % rule->batch_size == 0 || p + 1 == rule->n) {
            NAME(end_batch_of_rows)(net, data, &rows, rule, p);
        }
    }
    return loss;
}

static void NAME(predict_rows)(const network *net, const samples *data, ptrdiff_t start,
                               ptrdiff_t stop, REAL *y_hat)
{
    const NAME(rows) rows = NAME(rows_of)(net, data);
    const NAME(outputs) out = NAME(outputs_of)(net, NULL, rows.left);

    for (ptrdiff_t i = start; i < stop; i++) {
        const NAME(entries) list =
            NAME(entries_of)(&rows, data, row_at(&data->order, i));
        NAME(product_with_row)(&rows, &list);
        NAME(output)(&out, rows.a);
        memcpy(y_hat + i * out.K, out.y_hat, out.K * sizeof(REAL));
    }
}

#undef SMALL_SIGMA
#undef GROUP
