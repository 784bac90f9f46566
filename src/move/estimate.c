#include "move/estimate.h"

#include "far/far.h"

enum {
  MEASURE_MS_MOST = 500,
  MEASURE_BYTES_LEAST = 1024 * 1024,
  MEASURE_BYTES_MOST = 16 * 1024 * 1024,
  MEASURE_PART = 16, /* of what would be sent */
  STOP_MS_OF_QEMU = 300,
};

bool
vf_move_estimate (VfMove *move, VfPlan *plan, const VfInventory *inventory, GError **error)
{
  VfEstimate estimate = { .copy_bytes = vf_plan_bytes_to_send (plan),
                          .memory_bytes = inventory->domain->memory_bytes,
                          .guest_runs = plan->was_running };
  guint64 part = (estimate.copy_bytes + estimate.memory_bytes) / MEASURE_PART;
  VfMeasure limits = { .ms_max = MEASURE_MS_MOST, .bytes_max = CLAMP (part, MEASURE_BYTES_LEAST, MEASURE_BYTES_MOST) };
  GError *failure = NULL;
  if (!vf_far_measure (vf_move_link (move), &limits, move->cancellable, &estimate.link_bytes_per_s, &failure)) {
    bool is_old = vf_error_is (failure, VF_ERROR_NOT_FOUND);
    if (is_old)
      g_error_free (failure);
    else
      g_propagate_error (error, failure);
    return is_old;
  }
  estimate.stop_ms = move->request->downtime_ms;
  bool told = estimate.stop_ms > 0 || (move->guest != NULL && vf_guest_downtime_limit (move->guest, &estimate.stop_ms));
  if (!told)
    estimate.stop_ms = STOP_MS_OF_QEMU;
  if (!estimate.guest_runs)
    estimate.stop_ms = 0;
  plan->estimate = estimate;
  return true;
}
