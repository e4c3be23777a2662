/* The kernel for one instruction set and one floating-point type. The build compiles
 * this file once for each of them, with the compiler's options for the instruction set,
 * REAL_BITS, and the name of the table as FUNCTIONS. */

#include "kernel.h"

#include "batches.h"
#include "hash_rows.h"
#include "online.h"
#include "panels.h"
#include "range.h"
#include "sparse_training.h"
#include "statistics.h"

static double train(const network *net, const samples *data, const learning_rule *rule,
                    ptrdiff_t start, ptrdiff_t stop, double loss)
{
    if (data->indptr && !net->velocity) {
        return train_sparse(net, data, rule, start, stop, loss);
    }
    return rule->batch_size == 1 ? train_online(net, data, rule, start, stop, loss)
                                 : train_batches(net, data, rule, start, stop, loss);
}

static void predict(const network *net, const samples *data, ptrdiff_t start,
                    ptrdiff_t stop, void *y_hat)
{
    if (data->indptr) {
        predict_sparse(net, data, start, stop, y_hat);
    } else {
        predict_batches(net, data, start, stop, y_hat);
    }
}

const functions FUNCTIONS = {
    .train = train,
    .predict = predict,
    .open_sparse = open_sparse,
    .close_sparse = close_sparse,
    .measure = measure,
    .first_beyond = first_beyond,
    .hash_rows = hash_rows,
    .pack = pack,
    .unpack = unpack,
    .are_finite = are_finite,
};
