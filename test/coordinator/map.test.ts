// The library, as a program uses it: real workers, real functions.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { fromModule, ItemError, JobError, Pool, range } from '../../coordinator/map.js'

const FIXTURE = new URL('../../../test/coordinator/fixtures/steps.ts', import.meta.url)

let pool: Pool
test.before(() => {
  pool = new Pool({ slots: 2, onPrint: () => {} })
})
test.after.always(async () => {
  await pool.close()
})

test('map gives the values in input order', async t => {
  t.deepEqual(await pool.map((x: number) => x * 2, [3, 1, 2]), [6, 2, 4])
})

test('a function that cannot be loaded fails its job, and its workers serve the next one', async t => {
  const own = new Pool({ slots: 1, onPrint: () => {} })
  const broken = fromModule<(x: number) => number>(
    new URL('../../../test/coordinator/fixtures/broken.ts', import.meta.url),
    'half',
  )
  for (let round = 0; round < 3; round++) {
    await t.throwsAsync(own.map(broken, range(0, 100), { shardSize: 1 }), {
      instanceOf: JobError,
      message: /not today/,
    })
    t.deepEqual(await own.map((x: number) => x / 2, [2, 4], { shardSize: 1 }), [1, 2])
  }
  await own.close()
})

test('types flow from the function to the results', async t => {
  const lengths: number[] = await pool.map(async (word: string) => word.length, ['many', 'hands'])
  const doubles: Float64Array = await pool.map((x: number) => x, [1], { as: 'f64' })
  const sums: number[] = await pool.starmap((a: number, b: string) => a + b.length, [[1, 'xx']])
  const settled: PromiseSettledResult<string>[] = await pool.map((x: number) => `${x}`, [1], { onError: 'collect' })
  const one: string = await pool.submit((x: number) => `${x}`, [1]).result
  t.deepEqual(
    [lengths, [...doubles], sums, settled, one],
    [[4, 5], [1], [3], [{ status: 'fulfilled', value: '1' }], '1'],
  )
})

test('map of a built-in over a range keeps every double exactly', async t => {
  const roots = await pool.map(Math.sqrt, range(10, 100_000), { as: 'f64' })
  t.true(roots instanceof Float64Array)
  t.deepEqual(
    roots,
    Float64Array.from({ length: 99_990 }, (_, index) => Math.sqrt(index + 10)),
  )
})

test('map takes async iterables and async functions', async t => {
  async function* words() {
    yield 'many'
    yield 'hands'
  }
  t.deepEqual(await pool.map(async (word: string) => word.toUpperCase(), words()), ['MANY', 'HANDS'])
})

const waitAndGive = async (x: number): Promise<number> => {
  await new Promise(resolve => setTimeout(resolve, 20))
  return x
}

/** Wall seconds of one job of 200 items that wait, on two warm slots. */
const secondsOf = async (concurrency: number | 'auto'): Promise<number> => {
  const began = performance.now()
  const values = await pool.map(waitAndGive, range(200), { concurrency })
  if (!values.every((value, index) => value === index)) throw new Error('values are not in order')
  return (performance.now() - began) / 1000
}

test('items that wait are done in a fraction of the time when several are in progress', async t => {
  await pool.map(waitAndGive, range(4))
  const [alone, together, auto] = [await secondsOf(1), await secondsOf(16), await secondsOf('auto')]
  t.true(alone > 5 * together, `${alone} s one by one, ${together} s with 16`)
  t.true(alone > 2 * auto, `${alone} s one by one, ${auto} s without a word`)
})

test('several items in progress are for workers, and not for the loop of the caller', async t => {
  const inline = pool.map(waitAndGive, [1], { concurrency: 4, place: 'inline' })
  await t.throwsAsync(inline, { message: /place: 'inline' has no worker, and/ })
})

test('a concurrency that is none says what was expected', async t => {
  for (const concurrency of [0, -1, 1.5, 10_001, 'many' as 'auto'])
    await t.throwsAsync(
      pool.map((x: number) => x, [1], { concurrency }),
      { message: /^concurrency: expected a whole/ },
    )
})

test('an item that waits too long is a timeout by itself, with several in progress', async t => {
  const own = new Pool({ slots: 1, onPrint: () => {} })
  const stuck = async (x: number): Promise<number> => {
    await new Promise(resolve => setTimeout(resolve, x % 10 === 5 ? 100_000 : 10))
    return x
  }
  const results = await own.map(stuck, range(30), { concurrency: 8, timeout: 0.5, onError: 'collect' })
  for (const [index, result] of results.entries()) {
    if (index % 10 === 5) t.like(result, { status: 'rejected', reason: { index, reason: 'timeout' } })
    else t.deepEqual(result, { status: 'fulfilled', value: index })
  }
  await own.close()
})

test('a death among items in progress is found and costs that item alone', async t => {
  const own = new Pool({ slots: 1, onPrint: () => {} })
  const dying = async (x: number): Promise<number> => {
    await new Promise(resolve => setTimeout(resolve, 10))
    if (x === 17) process.exit(3)
    return x
  }
  const results = await own.map(dying, range(30), { concurrency: 8, onError: 'collect' })
  t.deepEqual(
    results.flatMap((result, index) => (result.status === 'rejected' ? [[index, result.reason.reason]] : [])),
    [[17, 'crash']],
  )
  await own.close()
})

test('map of nothing is nothing', async t => {
  t.deepEqual(await pool.map((x: number) => x, []), [])
})

test('values that JSON cannot hold arrive as they are', async t => {
  const values = [
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2n ** 70n,
    new Uint8Array([0, 255]),
    undefined,
    null,
    { a: [1.5, 'x'] },
  ]
  const back = await pool.map((value: unknown) => value, values)
  t.true(Object.is(back[0], -0))
  t.deepEqual(back.slice(1), values.slice(1))
})

test('objects of workers are those of a loop, whatever their keys', async t => {
  const fn = (item: { n: number; s: string }) => ({
    ...item,
    half: item.n / 2,
    isOdd: item.n % 2 === 1,
    list: [item.s],
  })
  const other = (item: { n: number; s: string }) => (item.n % 500 === 300 ? { n: item.n } : { s: item.s, n: item.n })
  const items = Array.from({ length: 2000 }, (_, n) => ({ n, s: n % 700 === 0 ? `a\n${n}` : `é${n}` }))
  t.deepEqual(await pool.map(fn, items, { place: 'local' }), items.map(fn))
  t.deepEqual(await pool.map(other, items, { place: 'local' }), items.map(other))
  const streamed: unknown[] = []
  for await (const value of pool.imap(fn, items, { place: 'local' })) streamed.push(value)
  t.deepEqual(streamed, items.map(fn))
})

test('whole numbers of all sizes, one after the other, are what they are in a loop', async t => {
  const sizes = [0, 7, -7, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, -(2 ** 31) - 1, 2 ** 40, 2 ** 53 - 1]
  // Small ones in stretches of all lengths, between large ones.
  const items = Array.from({ length: 6000 }, (_, at) => (at % 97 < at % 11 ? (sizes[at % 9] as number) : at - 3000))
  const fn = (x: number) => {
    if (x === 1234) throw new Error('not this one')
    return (x % 7) + x / 3
  }
  const settled = await pool.map(fn, items, { place: 'local', onError: 'collect' })
  t.deepEqual(
    settled.map(each => ('value' in each ? each.value : undefined)),
    items.map(x => (x === 1234 ? undefined : fn(x))),
  )
  const kinds = await pool.map((x: number) => (x % 2 === 0 ? `even ${x}` : x), items, { place: 'local' })
  t.deepEqual(
    kinds,
    items.map(x => (x % 2 === 0 ? `even ${x}` : x)),
  )
})

test('starmap spreads each item into arguments', async t => {
  t.deepEqual(
    await pool.starmap(
      (a: number, b: string) => `${a}${b}`,
      [
        [1, 'x'],
        [2, 'y'],
      ],
    ),
    ['1x', '2y'],
  )
})

test('a function by reference comes with its imports, its init and its shared data', async t => {
  const { add, setUp } = await import('./fixtures/steps.js')
  const values = await pool.map(fromModule<typeof add>(FIXTURE, 'add'), [1, 2], {
    init: setUp.name,
    shared: { offset: 100 },
  })
  t.deepEqual(values, [101, 102])
})

test('map rejects with the first failure, its index and the remote stack', async t => {
  const error = await t.throwsAsync(
    pool.map(
      (x: number) => {
        if (x === 7) throw new RangeError(`no ${x}`)
        return x
      },
      range(0, 10),
    ),
    { instanceOf: ItemError },
  )
  t.is(error.index, 7)
  t.is(error.reason, 'error')
  t.regex((error.cause as Error).stack ?? '', /RangeError: no 7/)
  t.is((error.cause as Error).name, 'RangeError')
})

test("onError: 'collect' settles every item, neighbours of failures too", async t => {
  const results = await pool.map(
    (x: number) => {
      if (x % 3 === 0) throw new Error('three')
      if (x === 4) process.exit(9)
      return x
    },
    range(0, 8),
    { onError: 'collect' },
  )
  t.deepEqual(
    results.map(result => (result.status === 'fulfilled' ? result.value : (result.reason as ItemError).reason)),
    ['error', 1, 2, 'error', 'crash', 5, 'error', 7],
  )
})

test('retries are tried, and only failures are', async t => {
  const { mkdtemp, readdir } = await import('node:fs/promises')
  const folder = await mkdtemp('/tmp/manyhands-retries-')
  const once = async ([place, item]: [string, number]) => {
    const { existsSync, writeFileSync } = await import('node:fs')
    const mark = `${place}/${item}`
    if (item % 2 === 0 && !existsSync(mark)) {
      writeFileSync(mark, '')
      throw new Error('the first time fails')
    }
    return item
  }
  const items = [0, 1, 2, 3].map((item): [string, number] => [folder, item])
  t.deepEqual(await pool.map(once, items, { retries: 1 }), [0, 1, 2, 3])
  t.deepEqual((await readdir(folder)).sort(), ['0', '2'])
})

test('an item that takes too long is a timeout, by itself', async t => {
  const results = await pool.map(
    (x: number) => {
      if (x === 1) for (;;);
      return x
    },
    [0, 1, 2],
    { timeout: 0.3, onError: 'collect' },
  )
  t.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.is((results[1] as PromiseRejectedResult).reason.reason, 'timeout')
})

test('imap gives values in order as they are asked for, and stopping it stops the job', async t => {
  const seen: number[] = []
  for await (const value of pool.imap((x: number) => x + 1, range(0, 1_000_000_000))) {
    seen.push(value)
    if (seen.length === 1000) break
  }
  t.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, index) => index + 1),
  )
})

test('imapUnordered gives every value once', async t => {
  const seen: number[] = []
  for await (const value of pool.imapUnordered((x: number) => x, range(0, 5000))) seen.push(value)
  t.deepEqual(
    seen.sort((a, b) => a - b),
    Array.from({ length: 5000 }, (_, index) => index),
  )
})

test('reduce keeps the order, so that the function need not commute', async t => {
  const words = Array.from({ length: 3000 }, (_, index) => `${index} `)
  t.is(await pool.reduce((a: string, b: string) => a + b, words), words.join(''))
  t.is(await pool.reduce((a: number, b: number) => a + b, range(0, 100_000), { initial: 5 }), 4_999_950_005)
})

test('reduce of nothing gives the initial value, or says that there is none', async t => {
  t.is(await pool.reduce((a: number, b: number) => a + b, [], { initial: 3 }), 3)
  await t.throwsAsync(
    pool.reduce((a: number, b: number) => a + b, []),
    { instanceOf: JobError, message: /no items/ },
  )
})

test('submit is one call with a handle', async t => {
  t.is(await pool.submit((a: number, b: number) => a ** b, [2, 10]).result, 1024)
  const endless = pool.submit(() => {
    for (;;);
  }, [])
  setTimeout(() => endless.cancel(), 200)
  await t.throwsAsync(endless.result, { message: 'the call was cancelled' })
})

test('a signal ends a job with its reason', async t => {
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 200)
  const job = pool.map(() => new Promise(resolve => setTimeout(resolve, 60_000)), [1, 2], { signal: stop.signal })
  await t.throwsAsync(job, { message: 'enough' })
})

test('a captured variable is an error that names it', async t => {
  const factor = 3
  await t.throwsAsync(
    pool.map((x: number) => x * factor, [1]),
    { message: /factor/ },
  )
})

test('an onProgress that throws ends its job, not the program', async t => {
  const onProgress = () => {
    throw new Error('no bar today')
  }
  const slow = (x: number) => new Promise<number>(resolve => setTimeout(() => resolve(x), 1000))
  await t.throwsAsync(pool.map(slow, range(20), { onProgress }), {
    instanceOf: JobError,
    message: /^onProgress threw: no bar today$/,
  })
  t.deepEqual(await pool.map((x: number) => x, [1]), [1])
})

test('bad options say what was expected', async t => {
  t.throws(() => new Pool({ slots: 0 }), { instanceOf: RangeError, message: /slots/ })
  t.throws(() => new Pool(4 as never), { instanceOf: TypeError, message: /options of a Pool are 4.*\{ slots: 4 \}/ })
  await t.throwsAsync(
    pool.map((x: number) => x, [1], { onError: 'ignore' as 'collect' }),
    { instanceOf: RangeError, message: /onError: expected 'stop' or 'collect', got ignore/ },
  )
  await t.throwsAsync(
    pool.map((x: number) => x, [1], { retries: -1 }),
    { message: /retries/ },
  )
  await t.throwsAsync(
    pool.map((x: number) => x, [1], { timeout: 0 }),
    { message: /timeout/ },
  )
  await t.throwsAsync(
    pool.map((x: number) => x, 5 as unknown as number[]),
    { instanceOf: TypeError },
  )
  await t.throwsAsync(pool.map(5 as unknown as (x: number) => number, [1]), { instanceOf: TypeError })
})

test('the receipt of the last job accounts for its slots', async t => {
  const own = new Pool({ slots: 2 })
  await own.map(
    (x: number) => {
      const until = performance.now() + 1
      while (performance.now() < until);
      return x
    },
    range(0, 500),
    { place: 'local' },
  )
  const receipt = own.receipt
  await own.close()
  t.truthy(receipt)
  if (receipt === undefined) return
  t.is(receipt.items, 500)
  // The second one came when the first had shown what an item costs.
  t.true(receipt.slots > 1 && receipt.slots <= 2, `${receipt.slots} slots`)
  const sum = Object.values(receipt.core_seconds).reduce((total, seconds) => total + seconds, 0)
  t.true(
    Math.abs(sum - receipt.capacity_core_seconds) < 0.01 * receipt.capacity_core_seconds,
    `${sum} of ${receipt.capacity_core_seconds}`,
  )
  t.true(receipt.core_seconds.compute >= 0.5, `${receipt.core_seconds.compute} s of compute`)
})

test('close waits for what runs, terminate ends it; both may be called twice', async t => {
  const closing = new Pool({ slots: 1 })
  const value = closing.submit(() => new Promise(resolve => setTimeout(() => resolve('done'), 300)), []).result
  await new Promise(resolve => setTimeout(resolve, 50))
  await closing.close()
  await closing.close()
  t.is(await value, 'done')
  await t.throwsAsync(
    closing.map((x: number) => x, [1]),
    { message: /closed/ },
  )
  const ending = new Pool({ slots: 1 })
  const endless = t.throwsAsync(ending.submit(() => new Promise(() => {}), []).result)
  await new Promise(resolve => setTimeout(resolve, 50))
  await ending.terminate()
  await ending.terminate()
  await endless
})

test('a closed pool leaves no process and lets the program end', async t => {
  const map = fileURLToPath(new URL('../../coordinator/map.js', import.meta.url))
  const program = `
    import { Pool } from ${JSON.stringify(map)}
    const pool = new Pool({ slots: 2 })
    console.log(JSON.stringify(await pool.map(() => process.pid, [1, 2, 3, 4])))
    await pool.close()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 20_000,
  })
  for (const pid of JSON.parse(stdout)) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('a worker that loads a module with a Pool at its top level says so', async t => {
  const nested = fromModule(new URL('../../../test/coordinator/fixtures/nested.ts', import.meta.url), 'twice')
  await t.throwsAsync(pool.map(nested as never, [1], { place: 'local' }), {
    message: /worker loaded a module that makes a pool/,
  })
})
