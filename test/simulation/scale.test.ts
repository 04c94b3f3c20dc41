import test from 'ava'
import { evenHosts, runScale } from './scale.js'

// The whole of it, up to 10,000 slots and a million shards, is `npm run scale`; this is its short form.

const evenly = (seconds: number) => (start: number, end: number) => (end - start) * seconds

test.serial('slots are used, whatever their number and the grain', async t => {
  for (const [slots, grain, least] of [
    [2, 0.001, 0.97],
    [100, 0.01, 0.97],
    [100, 0.1, 0.95],
    [500, 0.1, 0.9],
  ] as const) {
    const items = Math.round((slots * 8) / grain)
    const { efficiency } = await runScale({ hosts: evenHosts(slots), items, workSeconds: evenly(grain) })
    t.true(efficiency >= least, `${slots} slots, ${grain} s: ${efficiency}`)
  }
})

test.serial(
  "the coordinator's CPU time a shard grows neither with slots nor with shards that were settled",
  async t => {
    // What is compiled on the way is not to be billed to whoever comes first.
    await runScale({ hosts: evenHosts(100), items: 10_000, shardSize: 1, workSeconds: evenly(0.1) })
    const few = await runScale({ hosts: evenHosts(100), items: 10_000, shardSize: 1, workSeconds: evenly(0.1) })
    const many = await runScale({ hosts: evenHosts(2000), items: 20_000, shardSize: 1, workSeconds: evenly(1) })
    const long = await runScale({ hosts: evenHosts(100), items: 40_000, shardSize: 1, workSeconds: evenly(0.1) })
    t.log([few, many, long].map(({ secondsPerShard }) => `${(secondsPerShard * 1e6).toFixed(0)} us`).join(', '))
    // Beats and broadcasts of 2,000 slots go on while their shards, of a second each, are few.
    t.true(many.secondsPerShard < 5 * few.secondsPerShard)
    t.true(long.lastSecondsPerShard < 2 * long.firstSecondsPerShard + 20e-6)
  },
)

test.serial('slow hosts get less to do, and hold up nobody', async t => {
  const hosts = Array.from({ length: 12 }, (_, nth) => ({ slots: 8, speed: [1, 1 / 3, 1 / 10][nth % 3] as number }))
  const capacity = hosts.reduce((sum, { slots, speed }) => sum + slots * speed, 0)
  for (const grain of [0.001, 0.01, 0.05]) {
    const items = Math.round((capacity * 10) / grain)
    const { efficiency, extra } = await runScale({ hosts, items, workSeconds: evenly(grain) })
    t.true(efficiency >= 0.9, `${grain} s: ${efficiency}`)
    t.true(extra <= 0.1, `${grain} s: ${extra} extra`)
  }
})

test.serial('a job whose second half is five thousand times slower is shared to its end', async t => {
  const half = 16_000
  const workSeconds = (start: number, end: number): number =>
    Math.max(0, Math.min(end, half) - start) * 1e-6 + Math.max(0, end - Math.max(start, half)) * 5e-3
  for (const slots of [2, 8]) {
    const { efficiency, end } = await runScale({ hosts: evenHosts(slots), items: 2 * half, workSeconds })
    t.true(efficiency >= 0.95, `${slots} slots: ${efficiency}`)
    const told = end.receipt.decisions.map(({ decision }) => decision).join('\n')
    t.regex(told, /Shards grew from/)
    t.regex(told, /Shards shrank from/)
    t.regex(told, /time box/)
  }
})

test.serial(
  'with a host that is ten times slower at long items, copies end the job sooner, within a tenth more work',
  async t => {
    const hosts = [1, 1, 1, 0.1].map(speed => ({ slots: 4, speed }))
    const job = { hosts, items: 400, workSeconds: evenly(1) }
    const alone = await runScale({ ...job, speculation: false })
    const copied = await runScale(job)
    t.log(`${alone.wallSeconds.toFixed(1)} s without, ${copied.wallSeconds.toFixed(1)} s with, ${copied.extra} extra`)
    t.true(copied.wallSeconds <= alone.wallSeconds + 0.1)
    t.true(copied.extra <= 0.1)
    t.true(copied.end.receipt.decisions.some(({ decision }) => decision.includes('run a second time')))
  },
)
