import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ItemError, Pool, range } from '../../../coordinator/map.js'

/** About a millisecond of work, and who did it. */
const work = (item: number): { readonly item: number; readonly pid: number } => {
  let sum = 0
  for (let turn = 0; turn < 400_000; turn++) sum += Math.sqrt(turn + item)
  return { item: sum > 0 ? item : -1, pid: process.pid }
}

test('a small job ends in the caller before a process is spawned', async t => {
  await using pool = new Pool({ slots: 2 })
  t.deepEqual(new Set(await pool.map(() => process.pid, range(100))), new Set([process.pid]))
  const { placement, slots, items, failed, decisions } = pool.receipt ?? {}
  t.deepEqual(
    { placement, slots, items, failed, decisions },
    { placement: 'inline', slots: 1, items: 100, failed: 0, decisions: [] },
  )
})

test('a larger one is shared with workers, each item run once and in its place', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'head-start-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'runs')
  await using pool = new Pool({ slots: 2 })
  // Worth a worker even where other tests keep every core busy.
  const jobs = Array.from({ length: 4000 }, (_, item) => ({ item, file }))
  const pids = await pool.map(async ({ item, file }) => {
    const { appendFileSync } = await import('node:fs')
    appendFileSync(file, `${item}\n`)
    let sum = 0
    for (let turn = 0; turn < 500_000; turn++) sum += Math.sqrt(turn + item)
    return sum > 0 ? process.pid : 0
  }, jobs)
  const runs = readFileSync(file, 'utf8').trim().split('\n').map(Number)
  t.deepEqual(
    [...runs].sort((a, b) => a - b),
    jobs.map(({ item }) => item),
  )
  t.is(pids[0], process.pid)
  t.true(new Set(pids).size > 1, 'workers took part')
  t.is(pool.receipt?.placement, 'local')
  t.true((pool.receipt?.decisions.length ?? 0) >= 2)
})

/** Slow in a worker; writes down each call. */
const SLOW_THERE = {
  'of a function': ({ item, file }: { item: number; file: string }): number => {
    process.getBuiltinModule('node:fs').appendFileSync(file, `${item}\n`)
    const until = performance.now() + (process.env.MANYHANDS_WORKER === undefined ? 0.2 : 20)
    while (performance.now() < until);
    return process.pid
  },
  'of an async one': async ({ item, file }: { item: number; file: string }): Promise<number> => {
    process.getBuiltinModule('node:fs').appendFileSync(file, `${item}\n`)
    const until = performance.now() + (process.env.MANYHANDS_WORKER === undefined ? 0.2 : 20)
    while (performance.now() < until);
    return process.pid
  },
  'of one that waits': async ({ item, file }: { item: number; file: string }): Promise<number> => {
    process.getBuiltinModule('node:fs').appendFileSync(file, `${item}\n`)
    await new Promise(resolve => setTimeout(resolve, process.env.MANYHANDS_WORKER === undefined ? 1 : 40))
    return process.pid
  },
}

const SLOW_CASES = Object.entries<(job: { item: number; file: string }) => number | Promise<number>>(SLOW_THERE)
// One after the other: they are measured as they run.
for (const [which, fn] of SLOW_CASES)
  test.serial(
    `a caller with nothing of its own left takes back what slow workers have not begun ${which}, each item run once`,
    async t => {
      const folder = mkdtempSync(join(tmpdir(), 'head-start-'))
      t.teardown(() => rmSync(folder, { recursive: true }))
      const file = join(folder, 'runs')
      await using pool = new Pool({ slots: 2 })
      await pool.map(() => 0, range(2), { place: 'local' })
      const jobs = Array.from({ length: which.endsWith('waits') ? 1500 : 6000 }, (_, item) => ({ item, file }))
      const pids = await pool.map(fn, jobs)
      const runs = readFileSync(file, 'utf8').trim().split('\n').map(Number)
      t.deepEqual(
        runs.sort((a, b) => a - b),
        jobs.map(({ item }) => item),
      )
      const byWorkers = pids.filter(pid => pid !== process.pid).length
      t.true(byWorkers > 0, 'workers took part')
      // One that waits has many in progress at once.
      t.true(which.endsWith('waits') || byWorkers < jobs.length / 5, `${byWorkers} items of 20 ms were left to workers`)
      t.deepEqual([pool.receipt?.items, pool.receipt?.failed], [jobs.length, 0])
    },
  )

test('values are in the order of the items, wherever they were run', async t => {
  await using pool = new Pool({ slots: 2 })
  for (let round = 0; round < 3; round++) {
    const values = await pool.map(work, range(600))
    t.deepEqual(
      values.map(({ item }) => item),
      [...range(600)],
    )
  }
  const doubles = await pool.map(
    (x: number) => {
      let sum = 0
      for (let turn = 0; turn < 300_000; turn++) sum += Math.sqrt(turn)
      return sum > 0 ? x / 2 : 0
    },
    range(600),
    { as: 'f64' },
  )
  t.deepEqual(
    [...doubles],
    [...range(600)].map(x => x / 2),
  )
})

test('streams keep their order, or give each value once without it', async t => {
  await using pool = new Pool({ slots: 2 })
  const ordered: number[] = []
  for await (const { item } of pool.imap(work, range(500))) ordered.push(item)
  t.deepEqual(ordered, [...range(500)])
  const some = (function* () {
    for (let item = 0; item < 500; item++) yield item
  })()
  const unordered: number[] = []
  for await (const { item } of pool.imapUnordered(work, some)) unordered.push(item)
  t.deepEqual(
    unordered.sort((a, b) => a - b),
    [...range(500)],
  )
})

test('what a function does to its item stays with its copy, as in a worker', async t => {
  await using pool = new Pool({ slots: 2 })
  const items = [
    [3, 1, 2],
    [2, 1],
  ]
  t.deepEqual(await pool.map((list: number[]) => list.sort(), items), [
    [1, 2, 3],
    [1, 2],
  ])
  t.deepEqual(items, [
    [3, 1, 2],
    [2, 1],
  ])
})

test('what no worker could take or give fails in the caller as it would there', async t => {
  await using pool = new Pool({ slots: 2 })
  const give = (place: 'inline' | 'local') =>
    pool.map((x: number) => (x === 1 ? new Map() : x), [0, 1, 2], { onError: 'collect', place })
  t.deepEqual(await give('inline'), await give('local'))
  const take = (place: 'inline' | 'local') =>
    pool.map((x: unknown) => typeof x, [0, Symbol('s'), new Set()], { onError: 'collect', place })
  t.deepEqual(await take('inline'), await take('local'))
})

test('a failure has its index and the function’s own stack alone', async t => {
  await using pool = new Pool({ slots: 2 })
  const fail = (x: number): number => {
    if (x === 7) throw new RangeError('seven')
    return x
  }
  const error = await t.throwsAsync(pool.map(fail, range(20)), { instanceOf: ItemError })
  t.is(error.index, 7)
  t.regex(error.message, /seven/)
  const cause = String((error.cause as Error | undefined)?.stack ?? error.stack)
  t.notRegex(cause, /eval|caller\.ts|loop\.ts|map\.ts/)
  const settled = await pool.map(fail, range(20), { onError: 'collect' })
  t.deepEqual(
    settled.map(({ status }, nth) => (status === 'rejected' ? nth : -1)).filter(nth => nth >= 0),
    [7],
  )
})

test('failures are tried again, in the caller too', async t => {
  await using pool = new Pool({ slots: 2 })
  const flaky = (x: number): number => {
    const seen = globalThis as { tried?: Record<number, number> }
    seen.tried ??= {}
    seen.tried[x] = (seen.tried[x] ?? 0) + 1
    if (seen.tried[x] < 3) throw new Error('not yet')
    return seen.tried[x]
  }
  t.deepEqual(await pool.map(flaky, [1, 2], { retries: 2, place: 'inline' }), [3, 3])
  await t.throwsAsync(pool.map(flaky, [5], { retries: 1, place: 'inline' }), { message: /not yet/ })
})

test('promises are waited for, one item after the other', async t => {
  await using pool = new Pool({ slots: 2 })
  const slowly = async (x: number): Promise<number> => {
    await new Promise(resolve => setTimeout(resolve, 2))
    if (x === 3) throw new Error('three')
    return x * 2
  }
  const settled = await pool.map(slowly, range(6), { place: 'inline', onError: 'collect' })
  t.deepEqual(
    settled.map(each => (each.status === 'fulfilled' ? each.value : 'failed')),
    [0, 2, 4, 'failed', 8, 10],
  )
})

test('the event loop has its turns while the caller runs items', async t => {
  await using pool = new Pool({ slots: 1 })
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  await pool.map(work, range(200), { place: 'inline' })
  clearInterval(timer)
  t.true(ticks >= 10, `${ticks} ticks`)
})

test('a word places the job: inline alone, or in workers alone', async t => {
  await using pool = new Pool({ slots: 2 })
  const inline = await pool.map(work, range(300), { place: 'inline' })
  t.deepEqual(new Set(inline.map(({ pid }) => pid)), new Set([process.pid]))
  t.is(pool.receipt?.placement, 'inline')
  const local = await pool.map(work, range(20), { place: 'local' })
  t.false(local.some(({ pid }) => pid === process.pid))
  await using isolated = new Pool({ slots: 1, isolate: true })
  t.false((await isolated.map(work, range(3))).some(({ pid }) => pid === process.pid))
  await t.throwsAsync(isolated.map(work, range(3), { place: 'inline' }), { message: /isolate/ })
  await t.throwsAsync(pool.map(work, range(3), { place: 'nowhere' as never }), { message: /expected 'auto'/ })
  await t.throwsAsync(pool.map(work, range(3), { place: 'cluster' }), { message: /needs a NATS server/ })
})

test('a function that no worker could have is refused even where none is needed', async t => {
  await using pool = new Pool({ slots: 2 })
  const factor = 3
  await t.throwsAsync(
    pool.map(x => x * factor, [1, 2]),
    { message: /factor/ },
  )
})

test('a signal, and terminate, end the caller’s loop', async t => {
  const pool = new Pool({ slots: 1 })
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 20)
  await t.throwsAsync(pool.map(work, range(100_000), { signal: stop.signal }), { message: 'enough' })
  setTimeout(() => void pool.terminate(), 20)
  await t.throwsAsync(pool.map(work, range(100_000)), { message: /terminated/ })
})

test('progress counts what the caller and the workers have settled', async t => {
  await using pool = new Pool({ slots: 2 })
  const seen: number[] = []
  await pool.map(work, range(1500), {
    onProgress: ({ settled, total }) => {
      t.is(total, 1500)
      seen.push(settled)
    },
  })
  t.true(seen.length > 0)
  t.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  )
  await t.throwsAsync(
    pool.map(work, range(3000), {
      onProgress: () => {
        throw new Error('mine')
      },
    }),
    { message: /onProgress threw: mine/ },
  )
})

test('an iterator that breaks off is the job’s error, after what it gave', async t => {
  await using pool = new Pool({ slots: 2 })
  const source = (function* () {
    yield 1
    throw new Error('no more')
  })()
  await t.throwsAsync(
    pool.map(x => x, source),
    { message: /after 1 items.*no more/ },
  )
})

test('a fold keeps its order, alone and with workers', async t => {
  await using pool = new Pool({ slots: 2 })
  t.is(await pool.reduce((a: string, b: string) => a + b, ['a', 'b', 'c', 'd']), 'abcd')
  t.is(await pool.reduce((a: string, b: string) => a + b, ['b', 'c'], { initial: 'a' }), 'abc')
  t.is(pool.receipt?.placement, 'inline')
  const join = (a: string, b: string): string => {
    let sum = 0
    for (let turn = 0; turn < 300_000; turn++) sum += Math.sqrt(turn)
    return sum > 0 ? `${a},${b}` : ''
  }
  const items = Array.from({ length: 3000 }, (_, item) => `${item}`)
  t.is(await pool.reduce(join, items), items.join(','))
  t.is(pool.receipt?.placement, 'local')
  t.is(await pool.reduce(async (a: number, b: number) => a + b, range(1, 101), { initial: 1000 }), 6050)
})

test('a fold that fails names its item, and one of nothing says so', async t => {
  await using pool = new Pool({ slots: 2 })
  const add = (a: number, b: number): number => {
    if (b === 5) throw new Error('five')
    return a + b
  }
  const error = await t.throwsAsync(pool.reduce(add, range(10)), { instanceOf: ItemError })
  t.is(error.index, 5)
  const slowly = async (a: number, b: number): Promise<number> => {
    await null
    if (b === 5) throw new Error('five')
    return a + b
  }
  t.is((await t.throwsAsync(pool.reduce(slowly, range(10)), { instanceOf: ItemError })).index, 5)
  await t.throwsAsync(pool.reduce(add, []), { message: /no items to reduce/ })
})

test('what a fold does to its items stays with copies', async t => {
  await using pool = new Pool({ slots: 2 })
  const items = [{ sum: 1 }, { sum: 2 }, { sum: 3 }]
  const folded = await pool.reduce((a, b) => {
    a.sum += b.sum
    return a
  }, items)
  t.deepEqual([folded, items], [{ sum: 6 }, [{ sum: 1 }, { sum: 2 }, { sum: 3 }]])
})

for (const place of ['auto', 'inline'] as const) {
  test(`${place}: the end of a job waits for no promise and no source that never gives anything`, async t => {
    const never = async function* (): AsyncGenerator<number> {
      yield 1
      await new Promise(() => {})
    }
    const waits = () => new Promise<number>(() => {})
    await using pool = new Pool({ place, slots: 2 })
    const aborted = () => ({ signal: AbortSignal.timeout(100) })
    await t.throwsAsync(pool.map(waits, [1, 2, 3], aborted()), { any: true, name: 'TimeoutError' })
    await t.throwsAsync(
      pool.map((x: number) => x, never(), aborted()),
      { any: true, name: 'TimeoutError' },
    )
    await t.throwsAsync(
      pool.reduce((a: number, b: number) => a + b, never(), aborted()),
      { any: true, name: 'TimeoutError' },
    )
    for await (const value of pool.imap((x: number) => x, never())) {
      t.is(value, 1)
      break
    }
    const ended = t.throwsAsync(pool.map(waits, [1, 2, 3]), { message: 'the pool was terminated' })
    await pool.terminate()
    await ended
  })
}

test('after an abort no further item of the piece is begun', async t => {
  const shown = globalThis as unknown as { begun?: number }
  shown.begun = 0
  const abort = new AbortController()
  await using pool = new Pool({ place: 'inline' })
  const count = async (item: number) => {
    const seen = globalThis as unknown as { begun: number }
    seen.begun++
    if (item >= 5_000) await new Promise(resolve => setTimeout(resolve, 20))
    return item
  }
  setTimeout(() => abort.abort(), 300)
  await t.throwsAsync(pool.map(count, range(10_000), { signal: abort.signal }), { any: true, name: 'AbortError' })
  const begun = shown.begun
  await new Promise(resolve => setTimeout(resolve, 100))
  t.is(shown.begun, begun)
})

test('a fold waits for every thenable, also at the end of a piece, and a value whose then throws fails its item', async t => {
  await using pool = new Pool({ place: 'inline' })
  type Sum = (a: number, b: number) => number
  // biome-ignore lint/suspicious/noThenProperty: a thenable that is no Promise is what is tried
  const later = ((a: number, b: number) => ({ then: (done: (sum: number) => void) => done(a + b) })) as unknown as Sum
  t.is(await pool.reduce(later, range(100)), 4950)
  const broken = () => ({
    // biome-ignore lint/suspicious/noThenProperty: as above
    get then() {
      throw new Error('no')
    },
  })
  const error = await t.throwsAsync(pool.map(broken, [1]), { instanceOf: ItemError })
  t.is((error as ItemError).reason, 'error')
})

for (const place of ['auto', 'inline', 'local'] as const) {
  test(`${place}: a pool is terminated, and a job aborted, while nobody reads on in its stream`, async t => {
    await using pool = new Pool({ place, slots: 2 })
    const abort = new AbortController()
    const aborted = pool.imap(work, range(2000), { signal: abort.signal })
    const terminated = pool.imap(work, range(2000))
    for (const values of [aborted, terminated]) await values.next()
    await new Promise(resolve => setTimeout(resolve, 300))
    abort.abort(new Error('enough'))
    const rest = async (values: AsyncIterable<unknown>): Promise<void> => {
      for await (const value of values) t.truthy(value)
    }
    await t.throwsAsync(rest(aborted), { message: 'enough' })
    await pool.terminate()
    await t.throwsAsync(rest(terminated), { message: 'the pool was terminated' })
  })
}

for (const place of ['auto', 'inline', 'local'] as const) {
  test(`${place}: a pool that is closed in the turn of a call waits for it`, async t => {
    const pool = new Pool({ place, slots: 2 })
    const doubled = pool.map((x: number) => x * 2, [1, 2])
    const sum = pool.reduce((a: number, b: number) => a + b, range(5), { initial: 1 })
    const one = pool.submit((x: number) => x + 1, [1])
    await pool.close()
    t.deepEqual([await doubled, await sum, await one.result], [[2, 4], 11, 2])
    await t.throwsAsync(
      pool.map((x: number) => x, [1]),
      { message: /pool is closed/ },
    )
  })
}
