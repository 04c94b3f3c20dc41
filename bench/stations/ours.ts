// Our pool, warm or cold, and the plain loop in the same process. With an argument: on the agents of that NATS server.
import { fromModule, type MapOptions, type Mappable, Pool, range } from 'manyhands'
import { FUNCTIONS } from '../items.js'
import { accountOf } from '../receipts.js'
import { median } from '../samples.js'
import { loopOver } from './loops.js'
import { type Items, type Measure, type Run, type StationRequest, serveStation } from './protocol.js'

const SLOTS = 2
const [nats] = process.argv.slice(2)
const openPool = (): Pool => new Pool(nats === undefined ? { slots: SLOTS } : { nats })
const functions = new URL('../functions.js', import.meta.url)
let warm: Pool | undefined

/** A range and doubles stay what they are: the founding job is `pool.map(Math.sqrt, range(10, N))`, to the letter. */
const inputOf = ({ job, items: { from = 0, count }, as }: StationRequest, items: Items): Iterable<number> => {
  if (job === 'sqrt' || job === 'noop') return range(from, from + count)
  return as === 'f64' ? Float64Array.from(items() as number[]) : (items() as number[])
}

const functionOf = ({ job, isPassed }: StationRequest): Mappable<(item: number) => unknown> => {
  if (job === 'sqrt') return Math.sqrt
  return isPassed === true ? (FUNCTIONS[job] as (item: number) => unknown) : fromModule(functions, job)
}

const optionsOf = ({ shardSize, place }: StationRequest): MapOptions => ({
  ...(shardSize !== undefined && { shardSize }),
  ...(place !== undefined && { place }),
})

const mapOnce = async (pool: Pool, request: StationRequest, input: Iterable<number>): Promise<ArrayLike<unknown>> => {
  const [fn, options] = [functionOf(request), optionsOf(request)]
  if (request.isStreamed === true) {
    const values: unknown[] = []
    for await (const value of pool.imap(fn, input, options)) values.push(value)
    return values
  }
  return request.as === 'f64'
    ? await pool.map(fn, input, { ...options, as: 'f64' })
    : await pool.map(fn, input, options)
}

/** A job that was not run where it was told to be would be a figure of something else. */
const accountIn = ({ receipt }: Pool, { place = 'auto' }: StationRequest): Pick<Run, 'account'> => {
  if (place !== 'auto' && receipt?.placement !== place) throw new Error(`${place} was run ${receipt?.placement}`)
  return receipt === undefined ? {} : { account: accountOf(receipt) }
}

/** The next item is given when the value of the last one has come. */
const measureInTurn = async (request: StationRequest, items: Items): Promise<Run> => {
  warm ??= openPool()
  let onValue: () => void = () => {}
  let began = 0
  async function* inTurn(): AsyncGenerator<number> {
    for (const item of inputOf(request, items)) {
      const came = new Promise<void>(resolve => {
        onValue = resolve
      })
      began = performance.now()
      yield item
      await came
    }
  }
  const values: unknown[] = []
  const eachSeconds: number[] = []
  for await (const value of warm.imap(functionOf(request), inTurn(), optionsOf(request))) {
    eachSeconds.push((performance.now() - began) / 1000)
    values.push(value)
    onValue()
  }
  return { seconds: median(eachSeconds), values, ...accountIn(warm, request) }
}

const measurePool = async (request: StationRequest, items: Items): Promise<Run> => {
  const input = inputOf(request, items)
  if (request.isCold !== true) warm ??= openPool()
  const began = performance.now()
  const pool = request.isCold === true || warm === undefined ? openPool() : warm
  const values = await mapOnce(pool, request, input)
  const seconds = (performance.now() - began) / 1000
  if (pool !== warm) await pool.close()
  return { seconds, values, ...accountIn(pool, request) }
}

const measureLoop = async (request: StationRequest, items: Items): Promise<Run> => {
  const loop = loopOver(request, items)
  const began = performance.now()
  const values = await loop()
  return { seconds: (performance.now() - began) / 1000, values }
}

const measure: Measure = async (request, items) => {
  if (request.by === 'loop') return await measureLoop(request, items)
  return request.isInTurn === true ? await measureInTurn(request, items) : await measurePool(request, items)
}

await serveStation(measure, async () => warm?.close())
