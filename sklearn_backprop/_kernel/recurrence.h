/* The variants of the rule, and weights after several updates with an L2 penalty or
 * momentum.
 *
 * With λ = ηα, update t is V ← μ V - λ W + g_t x̃_tᵀ and then W ← W + V, where V is the
 * velocity. So after t updates, the weights are a sum of the previous values and a term
 * for each update:
 *
 *     W_t = W_from_W[t] W + W_from_V[t] V + Σ_{s<t} W_from_g[t - s] g_s x̃_sᵀ
 *     V_t = V_from_W[t] W + V_from_V[t] V + Σ_{s<t} V_from_g[t - s] g_s x̃_sᵀ
 *
 * Without momentum, W_from_W[t] is (1 - λ)ᵗ; without a penalty, W_from_g[t] is
 * (1 - μᵗ) / (1 - μ).
 */

#ifndef SKLEARN_BACKPROP_RECURRENCE_H
#define SKLEARN_BACKPROP_RECURRENCE_H

#include "network.h"

/* the rule alone, with a penalty, with momentum (and perhaps a penalty) */
typedef enum { PLAIN, WITH_PENALTY, WITH_MOMENTUM } rule_variant;

static inline rule_variant variant_of(const network *net, const learning_rule *rule)
{
    return net->velocity ? WITH_MOMENTUM : rule->alpha ? WITH_PENALTY : PLAIN;
}

typedef struct {
    double W_from_W[LONG_BLOCK + 1], W_from_V[LONG_BLOCK + 1], W_from_g[LONG_BLOCK + 1];
    double V_from_W[LONG_BLOCK + 1], V_from_V[LONG_BLOCK + 1], V_from_g[LONG_BLOCK + 1];
} recurrence;

/* one more update of a weight and its velocity */
static inline void advance(double *W, double *V, double lambda, double mu, double part)
{
    V[1] = mu * V[0] - lambda * W[0] + part;
    W[1] = W[0] + V[1];
}

static inline recurrence recurrence_of(double lambda, double mu)
{
    recurrence of = {.W_from_W = {1}, .V_from_V = {1}};

    for (ptrdiff_t t = 0; t < LONG_BLOCK; t++) {
        advance(of.W_from_W + t, of.V_from_W + t, lambda, mu, 0);
        advance(of.W_from_V + t, of.V_from_V + t, lambda, mu, 0);
        advance(of.W_from_g + t, of.V_from_g + t, lambda, mu, t == 0);
    }
    return of;
}

#endif
