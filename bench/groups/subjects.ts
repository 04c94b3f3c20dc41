// Whose efficiency is measured against grain: ours in four ways, and the peers that are installed.
import type { PeerName } from '../peers.js'
import type { StationName } from '../rig.js'
import type { StationRequest } from '../stations/protocol.js'

type Request = Omit<StationRequest, 'items'>

export interface Subject {
  readonly id: string
  readonly title: string
  readonly station: StationName
  readonly request: Request
  /** What one core takes. */
  readonly loop: LoopName
  /** Efficiency does not depend on how many items there are; what takes long for each gets fewer. */
  readonly mostItems: number
  /** Below it, its efficiency is next to nothing, and takes long to measure. */
  readonly leastGrain: number
  readonly peer?: PeerName
  readonly goalSeconds?: number
}

const doubles: Request = { job: 'spin', as: 'f64' }
const records: Request = { job: 'record' }
const spin: Request = { job: 'spin' }

export const LOOPS = {
  'node loop': { station: 'ours', request: { ...doubles, by: 'loop' }, mostItems: 4e6, isPython: false },
  'node object loop': { station: 'ours', request: { ...records, by: 'loop' }, mostItems: 300_000, isPython: false },
  'python loop': { station: 'python loop', request: spin, mostItems: 1e6, isPython: true },
} as const
export type LoopName = keyof typeof LOOPS

const pythonPool = (peer: PeerName, station: StationName, mostItems: number, leastGrain: number): Subject => ({
  id: station,
  title: peer,
  station,
  request: spin,
  loop: 'python loop',
  mostItems,
  leastGrain,
  peer,
})

const nodePool = (peer: PeerName, station: StationName, mostItems: number, chunks?: number): Subject => ({
  id: `${station} ${chunks ?? 1}`,
  title: chunks === undefined ? `${peer}, item by item` : `${peer}, ${chunks} chunks by hand`,
  station,
  request: { ...spin, ...(chunks !== undefined && { chunks }) },
  loop: 'node loop',
  mostItems,
  leastGrain: chunks === undefined ? 10e-6 : 0.1e-6,
  peer,
})

const ours = (where: 'local' | 'NATS', items: 'numbers' | 'objects', goalSeconds: number): Subject => ({
  id: `${where} ${items}`,
  title: `manyhands, ${where === 'local' ? 'local' : 'NATS with one agent'}, ${items === 'objects' ? 'objects of 5 fields' : items}`,
  station: where === 'local' ? 'ours' : 'ours nats',
  request: { ...(items === 'numbers' ? doubles : records), place: where === 'local' ? 'local' : 'cluster' },
  loop: items === 'numbers' ? 'node loop' : 'node object loop',
  mostItems: items === 'numbers' ? 4e6 : 300_000,
  leastGrain: items === 'numbers' ? 0.1e-6 : 0.3e-6,
  goalSeconds,
})

export const SUBJECTS: readonly Subject[] = [
  ours('local', 'numbers', 0.2e-6),
  ours('NATS', 'numbers', 0.5e-6),
  ours('local', 'objects', 2e-6),
  ours('NATS', 'objects', 4e-6),
  pythonPool('Python Pool.map', 'python pool', 1e6, 0.3e-6),
  pythonPool('Python Pool.map, chunksize 1', 'python pool1', 40_000, 10e-6),
  pythonPool('joblib', 'python joblib', 100_000, 1e-6),
  pythonPool('mpi4py', 'python mpi4py', 2000, 100e-6),
  pythonPool('Dask', 'python dask', 300, 1e-3),
  nodePool('Piscina', 'piscina', 300_000, 16),
  nodePool('Piscina', 'piscina', 10_000),
  nodePool('poolifier', 'poolifier', 20_000),
  nodePool('BullMQ', 'bullmq', 2000),
]
