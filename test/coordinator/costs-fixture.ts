// Costs with round figures, for tests of what is done with them.
import type { ClusterCosts, PlaceCosts } from '../../coordinator/costs.js'

export const placeCosts = (over: Partial<PlaceCosts> = {}): PlaceCosts => ({
  startSeconds: 0.06,
  jobSeconds: 0.001,
  shardSeconds: 2e-5,
  itemSeconds: 5e-8,
  byteSeconds: 1e-9,
  callerShardSeconds: 1e-5,
  callerItemSeconds: 2e-8,
  callerByteSeconds: 1e-9,
  measurements: 1,
  ...over,
})

export const clusterCosts = (over: Partial<ClusterCosts> = {}): ClusterCosts => ({
  ...placeCosts({ startSeconds: 0.08, jobSeconds: 0.005, shardSeconds: 1e-4 }),
  slots: 24,
  bytesPerSecond: 100e6,
  ...over,
})
