// Shards with next to nothing inside: what one costs when there are many, and how long one alone takes there and back.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import type { StationRequest } from '../stations/protocol.js'
import { took } from '../table.js'

const MANY = { local: 20_000, nats: 5000, floor: 20_000 } as const
const ALONE = 300

const many = (count: number): StationRequest => ({ job: 'noop', items: { count }, as: 'f64', shardSize: 1 })
/** A built-in travels by its name: nothing has to be bundled for it. */
const alone: StationRequest = { job: 'sqrt', items: { count: 1 }, as: 'f64', shardSize: 1, times: ALONE }
/** What the bare floors are of: the job is there, and one shard goes out and comes back. */
const inTurn: StationRequest = { job: 'sqrt', items: { count: ALONE }, shardSize: 1, isInTurn: true }
/** What the server made of the last job is gone by then, and what it makes for the next is there. */
const rested: StationRequest = { ...alone, times: 50, restSeconds: 0.04 }
const aloneOfModule: StationRequest = { ...alone, job: 'noop' }

const open = (bench: Bench): Plan => ({
  cases: [
    warm(bench, 'many local', 'ours', { ...many(MANY.local), place: 'local' }),
    warm(bench, 'many nats', 'ours nats', { ...many(MANY.nats), place: 'cluster' }),
    warm(bench, 'many floor', 'floor', many(MANY.floor)),
    warm(bench, 'alone local', 'ours', { ...alone, place: 'local' }),
    warm(bench, 'alone nats', 'ours nats', { ...alone, place: 'cluster' }),
    warm(bench, 'rested nats', 'ours nats', { ...rested, place: 'cluster' }),
    warm(bench, 'alone module', 'ours', { ...aloneOfModule, place: 'local' }),
    warm(bench, 'in turn local', 'ours', { ...inTurn, place: 'local' }),
    warm(bench, 'in turn nats', 'ours nats', { ...inTurn, place: 'cluster' }),
    warm(bench, 'alone floor', 'floor', alone),
  ],
  rows: samples => [
    took('an empty shard, all at once, local', samples.values('many local'), MANY.local, { most: 15e-6 }),
    took('an empty shard, all at once, NATS', samples.values('many nats'), MANY.nats, { most: 100e-6 }),
    took('the floor: an empty frame, all at once', samples.values('many floor'), MANY.floor),
    took('a lone shard in an open job, warm, p50, local', samples.values('in turn local'), 1, { most: 0.2e-3 }),
    took('a lone shard in an open job, warm, p50, NATS', samples.values('in turn nats'), 1, { most: 0.8e-3 }),
    took('a job of one shard, warm, p50, local', samples.values('alone local')),
    took('a job of one shard, warm, p50, NATS', samples.values('alone nats')),
    took('a job of one shard, 40 ms after the last, warm, p50, NATS', samples.values('rested nats')),
    took('a job of one shard, of a function from a module, warm, p50, local', samples.values('alone module')),
    took('the floor: a lone frame, p50', samples.values('alone floor')),
  ],
})

export const shards: Group = { id: 'shards', title: 'What a shard costs', open }
