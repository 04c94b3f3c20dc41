import test from 'ava'
import fc from 'fast-check'
import { type Patience, steadyOutcomes, steadyViews } from '../../../../coordinator/cli/remote/steady.js'
import { writeOutcomes } from '../../../../coordinator/cli/remote/write.js'
import type { Output } from '../../../../coordinator/output/output.js'
import { type Desk, DeskError, type JobView, type ResultsAsked } from '../../../../coordinator/serve/desk.js'
import { packValues, unpackItems } from '../../../../proto/items.js'
import type { Outcomes } from '../../../../proto/outcome.js'
import { view } from './stage.js'

const NEVER = new AbortController().signal

const outcomes = (start: number, end: number): Outcomes => ({
  start,
  end,
  values: packValues(Array.from({ length: end - start }, (_, i) => start + i)).items,
  failures: [],
})

const patient = (over: Partial<Patience> = {}): { readonly how: Patience; readonly troubles: string[] } => {
  const troubles: string[] = []
  const onTrouble = (error: DeskError): void => void troubles.push(error.code)
  return { how: { clock: () => 0, patienceSeconds: 1, pauseSeconds: 0.001, onTrouble, ...over }, troubles }
}

/** A desk whose streams break; anything else is not asked of it. */
const deskOf = (parts: Partial<Desk>): Desk => {
  const refuse = async (): Promise<never> => {
    throw new Error('not asked for')
  }
  async function* none(): AsyncGenerator<never> {
    yield await refuse()
  }
  return {
    submit: refuse,
    watch: none,
    results: none,
    cancel: refuse,
    resume: refuse,
    forget: refuse,
    jobs: refuse,
    describe: refuse,
    agents: refuse,
    drain: refuse,
    setSlots: refuse,
    ...parts,
  }
}

/** Gives the items from `start` on, cut at the cuts; breaks after so many spans, once for each number. */
const breaking = (count: number, cuts: readonly number[], breaks: readonly number[]) => {
  const left = [...breaks]
  const asked: ResultsAsked[] = []
  async function* results(_: string, how: ResultsAsked): AsyncGenerator<Outcomes> {
    asked.push(how)
    let most = left.shift() ?? Number.POSITIVE_INFINITY
    const bounds = [...new Set([0, ...cuts.filter(cut => cut < count), count])].sort((a, b) => a - b)
    for (const [nth, start] of bounds.slice(0, -1).entries()) {
      const end = bounds[nth + 1] as number
      if (end <= (how.start ?? 0)) continue
      if (most-- === 0) throw new DeskError('UNREACHABLE', 'gone')
      yield outcomes(start, end)
    }
  }
  return { desk: deskOf({ results }), asked }
}

test('whenever a stream of results breaks, each item comes out once, and in order', async t => {
  const cuts = fc.array(fc.integer({ min: 1, max: 39 }), { maxLength: 12 })
  const breaks = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), cuts, breaks, fc.nat(45), fc.boolean(), async (...given) => {
      const [count, cutAt, breakAfter, start, ordered] = given
      const { desk } = breaking(count, cutAt, breakAfter)
      const { how } = patient()
      const had: unknown[] = []
      for await (const some of steadyOutcomes(desk, 'j', { start, ordered }, NEVER, how))
        had.push(...unpackItems(some.values))
      t.deepEqual(
        had,
        Array.from({ length: Math.max(0, count - start) }, (_, i) => start + i),
      )
    }),
    { numRuns: 200 },
  )
})

test('what was had is not asked for again, and trouble is told once until it is over', async t => {
  const { desk, asked } = breaking(9, [3, 6], [2, 0, 0])
  const { how, troubles } = patient()
  for await (const _ of steadyOutcomes(desk, 'j', {}, NEVER, how));
  t.deepEqual(
    asked.map(({ start }) => start),
    [0, 6, 6, 6],
  )
  t.deepEqual(troubles, ['UNREACHABLE'])
})

test('a daemon that stays away ends the stream with its error', async t => {
  let now = 0
  const { how } = patient({ clock: () => now++, patienceSeconds: 5 })
  const { desk } = breaking(
    9,
    [],
    Array.from({ length: 99 }, () => 0),
  )
  const reading = async (): Promise<void> => {
    for await (const _ of steadyOutcomes(desk, 'j', {}, NEVER, how));
  }
  t.is((await t.throwsAsync(reading(), { instanceOf: DeskError })).code, 'UNREACHABLE')
  t.true(now > 5 && now < 20)
})

test('what will not pass is not tried again', async t => {
  let asked = 0
  async function* watch(): AsyncGenerator<JobView> {
    asked++
    yield view({ state: 'running' })
    throw new DeskError('JOB_UNKNOWN', 'forgotten')
  }
  const { how } = patient()
  const watching = async (): Promise<void> => {
    for await (const _ of steadyViews(deskOf({ watch }), 'j', NEVER, how));
  }
  t.is((await t.throwsAsync(watching(), { instanceOf: DeskError })).code, 'JOB_UNKNOWN')
  t.is(asked, 1)
})

test('nothing is written behind a gap where places say which item a value is of', async t => {
  const written: number[] = []
  const output: Output = {
    write: async ({ start }) => void written.push(start),
    commit: async () => {},
    abandon: async () => {},
  }
  async function* some(): AsyncGenerator<Outcomes> {
    yield outcomes(2, 4)
    yield outcomes(4, 5)
    yield outcomes(7, 9)
    yield outcomes(9, 12)
  }
  t.deepEqual(await writeOutcomes(some(), output, { start: 2, isPlaced: true }), { items: 3, leftOut: 5 })
  t.deepEqual(written, [2, 4])
  t.deepEqual(await writeOutcomes(some(), output, { start: 2, isPlaced: false }), { items: 8, leftOut: 0 })
})
