import test from 'ava'
import fc from 'fast-check'
import type { WorkerOutcomes } from '../../../agent/message.js'
import { Announcer, ProgressFile } from '../../../agent/progress.js'
import { runConcurrent, type Settled } from '../../../agent/runner/concurrent.js'
import { Lanes } from '../../../agent/runner/lanes.js'
import { Part } from '../../../agent/runner/part.js'
import { joinItems, unpackItems } from '../../../proto/items.js'

/** What an item does: after so many milliseconds (at once: undefined) it gives a value or fails. */
interface Act {
  readonly milliseconds: number | undefined
  readonly gives: 'number' | 'text' | 'object' | 'large' | 'nothing' | 'failure' | 'function'
}

const act: fc.Arbitrary<Act> = fc.record({
  milliseconds: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
  gives: fc.constantFrom('number', 'number', 'text', 'object', 'large', 'nothing', 'failure', 'function'),
})

const settledOf = ({ gives }: Act, offset: number): Settled => {
  switch (gives) {
    case 'failure':
      return { failure: { reason: 'error', message: `item ${offset}` } }
    case 'function':
      return { value: () => {} }
    case 'number':
      return { value: offset + 0.5 }
    case 'text':
      return { value: `text ${offset}` }
    case 'object':
      return { value: { offset } }
    case 'large':
      return { value: 'x'.repeat(250_000) }
    case 'nothing':
      return { value: undefined }
  }
}

interface Watched {
  readonly parts: readonly WorkerOutcomes[]
  readonly begun: readonly number[]
  readonly hasOverdue: boolean
}

const START = 1000

/** Runs the acts and says what is wrong on the way, by throwing. */
const watch = async (
  acts: readonly Act[],
  lanes: number,
  boxSeconds: number,
  makeAnnouncer = (descriptor: number): Announcer => new Announcer(descriptor),
): Promise<Watched> => {
  const progress = new ProgressFile()
  const parts: WorkerOutcomes[] = []
  const part = new Part(7, START, acts.length, outcomes => parts.push(outcomes))
  const begun: number[] = []
  const inProgress = new Set<number>()
  try {
    const hasOverdue = await runConcurrent({
      run: 7,
      start: START,
      count: acts.length,
      part,
      from: 0,
      endSeconds: performance.now() / 1000 + boxSeconds,
      timeoutSeconds: undefined,
      lanes: new Lanes(lanes, () => 0),
      channel: { written: async () => {} },
      announcer: makeAnnouncer(progress.descriptor),
      prepare: () => {},
      begin: (offset, end) => {
        begun.push(offset)
        inProgress.add(offset)
        if (inProgress.size > lanes) throw new Error(`${inProgress.size} items in progress`)
        const record = progress.read()
        for (const each of inProgress) {
          if (record.run !== 7 || each + START < record.start || each + START >= record.start + record.count)
            throw new Error(`item ${each} is not in [${record.start}, ${record.start + record.count})`)
        }
        const one = acts[offset] as Act
        const settle = (): Settled => {
          inProgress.delete(offset)
          return settledOf(one, offset)
        }
        if (one.milliseconds === undefined) return settle()
        setTimeout(() => end(settle()), one.milliseconds)
        return undefined
      },
    })
    if (progress.read().count !== 0) throw new Error('the record is not at rest at the end')
    return { parts, begun, hasOverdue }
  } finally {
    progress.close()
  }
}

test('whatever items do, each begins once and in order, is in the record while it is in progress, and has one outcome', async t => {
  const property = fc.asyncProperty(
    fc.array(act, { maxLength: 60 }),
    fc.integer({ min: 1, max: 12 }),
    fc.constantFrom(0, 0.01, 60),
    async (acts, lanes, boxSeconds) => {
      const { parts, begun, hasOverdue } = await watch(acts, lanes, boxSeconds)
      t.false(hasOverdue)
      t.deepEqual(
        begun,
        begun.map((_, at) => at),
      )
      if (boxSeconds === 60) t.is(begun.length, acts.length)
      if (acts.length > 0) t.true(begun.length >= 1)
      t.deepEqual(
        parts.map(part => part.last),
        parts.map((_, at) => at === parts.length - 1),
      )
      let next = START
      for (const { span } of parts) {
        t.is(span.start, next)
        next = span.end
      }
      t.is(next, START + begun.length)
      const settled = begun.map(offset => settledOf(acts[offset] as Act, offset))
      const isValue = (one: Settled): one is { value: unknown } => 'value' in one && typeof one.value !== 'function'
      t.deepEqual(
        unpackItems(joinItems(parts.map(part => part.values))),
        settled.filter(isValue).map(one => one.value),
      )
      t.deepEqual(
        parts.flatMap(part => part.failures.map(failure => failure.index - START)),
        begun.filter(offset => !isValue(settled[offset] as Settled)),
      )
    },
  )
  await fc.assert(property, { numRuns: 80 })
})

test('one item begins however late the first comes to its turn', async t => {
  class Slow extends Announcer {
    override limitOf(run: number, isFresh: boolean): number {
      for (const began = performance.now(); performance.now() - began < 2; );
      return super.limitOf(run, isFresh)
    }
  }
  const acts = Array.from({ length: 3 }, () => ({ milliseconds: 1, gives: 'number' }) as const)
  const { begun } = await watch(acts, 1, 0.001, descriptor => new Slow(descriptor))
  t.deepEqual(begun, [0])
})

test('the time of a run is that in which items were in progress, and each item has its own', async t => {
  const acts = Array.from({ length: 8 }, () => ({ milliseconds: 100, gives: 'number' }) as const)
  const { parts } = await watch(acts, 4, 60)
  const sum = (name: 'computeSeconds' | 'itemSeconds'): number =>
    parts.reduce((all, { timing }) => all + timing[name], 0)
  t.true(sum('itemSeconds') >= 0.75, `${sum('itemSeconds')}`)
  t.true(sum('computeSeconds') >= 0.15 && sum('computeSeconds') < 0.75 * sum('itemSeconds'), `${sum('computeSeconds')}`)
})

test('finished items are reported while one goes on for long', async t => {
  const acts = Array.from({ length: 40 }, (_, at) => ({ milliseconds: at === 39 ? 700 : 5, gives: 'text' }) as const)
  const { parts } = await watch(acts, 40, 60)
  t.deepEqual(parts.at(-1)?.span, { start: START + 39, end: START + 40 })
  t.deepEqual(parts.at(-1)?.values.form, 'json')
})
