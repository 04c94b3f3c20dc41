// Receipts and ends with round figures, for tests of what people read.
import type { JobEnd } from '../../../coordinator/job.js'
import type { Receipt } from '../../../coordinator/receipt.js'

export const receipt = (over: Partial<Receipt> = {}): Receipt => ({
  schema: 'manyhands.receipt/1',
  job: 'j1',
  name: 'mandelbrot',
  items: 40_000,
  failed: 0,
  placement: 'local',
  slots: 8,
  wall_seconds: 12.9,
  capacity_core_seconds: 103.2,
  core_seconds: {
    compute: 92.3,
    start: 2.1,
    decode: 0.9,
    encode: 1,
    dispatch: 1.1,
    transport: 0.9,
    tail: 4.9,
    lost: 0,
    other: 0,
  },
  cpu_core_seconds: 91,
  preempted_core_seconds: 1.1,
  unused_core_seconds: 0,
  elsewhere_core_seconds: 0,
  serial_seconds_estimate: { value: 91, low: 89.2, high: 92.8, method: 'measured' },
  speedup: 7.1,
  efficiency: 0.894,
  karp_flatt: 0.018,
  break_even_items: 900,
  break_even_item_seconds: 0.000_05,
  item_seconds: { median: 0.002, slowest: 0.074 },
  shards: 1818,
  duplicates: 0,
  reoffers: 0,
  advice: ['The slowest item ran 37x the median and held 7 slots idle for 0.7 s.'],
  decisions: [],
  ...over,
})

export const end = (over: Partial<JobEnd> = {}): JobEnd => ({
  job: 'j1',
  state: 'done',
  settled: 40_000,
  failed: 0,
  failures: [],
  receipt: receipt(),
  ...over,
})
