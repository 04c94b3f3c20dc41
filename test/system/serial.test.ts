// What the receipt says of one core against one core: a plain loop in this process, measured in turns with the pool.
// Neither side is billed for what it waited for a core, so that a busy machine does not decide.
import { readFileSync } from 'node:fs'
import { stopCoverage } from 'node:v8'
import test from 'ava'
import { Pool, range } from '../../coordinator/map.js'

// Counting what runs, for a coverage report, costs the two sides unlike parts of their time.
stopCoverage()
delete process.env['NODE_V8_COVERAGE']

/** Seconds that this thread wanted a core and had none. */
const waitedSeconds = (): number => {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e9
  } catch {
    return 0
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number

type Work = (x: number) => number

/** The estimate as a part of the loop's time. */
const ratioOf = async (pool: Pool, work: Work, items: number): Promise<{ ratio: number; says: string }> => {
  const loops: number[] = []
  const estimates: number[] = []
  for (let round = 0; round < 5; round++) {
    const values: number[] = []
    const waited = waitedSeconds()
    const began = performance.now()
    for (let item = 0; item < items; item++) values.push(work(item))
    loops.push((performance.now() - began) / 1000 - (waitedSeconds() - waited))
    await pool.map(work, range(0, items), { as: 'f64', place: 'local' })
    estimates.push(pool.receipt?.serial_seconds_estimate.value ?? 0)
  }
  const says = `loop ${loops.map(s => s.toFixed(3))}, estimates ${estimates.map(s => s.toFixed(3))}`
  return { ratio: median(estimates) / median(loops), says }
}

const WORKS: [string, number, Work][] = [
  [
    '0.4 µs',
    300_000,
    x => {
      let y = x | 1
      for (let i = 0; i < 300; i++) y = (Math.imul(y, 1103515245) + 12345) & 0x7fffffff
      return y
    },
  ],
  [
    '4 µs',
    40_000,
    x => {
      let y = x | 1
      for (let i = 0; i < 3000; i++) y = (Math.imul(y, 1103515245) + 12345) & 0x7fffffff
      return y
    },
  ],
]

for (const [grain, items, work] of WORKS) {
  test.serial(`the serial estimate of items of ${grain} is within 10 % of a plain loop`, async t => {
    const pool = new Pool({ slots: 2 })
    t.teardown(() => pool.close())
    // The machine may change its pace between the two sides; not three times in the same way.
    const tries: string[] = []
    for (let tried = 0; tried < 3; tried++) {
      const { ratio, says } = await ratioOf(pool, work, items)
      if (Math.abs(ratio - 1) <= 0.1) return t.pass()
      tries.push(`${ratio.toFixed(2)}: ${says}`)
    }
    return t.fail(tries.join('\n'))
  })
}

test.serial('the serial estimate of a function that waits is the time that it waits', async t => {
  const pool = new Pool({ slots: 2 })
  t.teardown(() => pool.close())
  await pool.map(() => new Promise(resolve => setTimeout(() => resolve(1), 20)), range(0, 40), {
    shardSize: 5,
    place: 'local',
  })
  const { receipt } = pool
  if (receipt === undefined) return t.fail('there is no receipt')
  const { serial_seconds_estimate: serial, cpu_core_seconds: cpu, advice } = receipt
  t.true(serial.value >= 0.75 && serial.value < 1.6, `${serial.value}`)
  t.true(cpu < 0.5 * serial.value, `${cpu}`)
  return t.true(advice.length > 0)
})
