// How slots are shared: two jobs by their weights over a minute, and a short job behind a long one.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Row, share, took } from '../table.js'
import { isOver, never, Site, seen, waits } from './site.js'

const SECONDS = 60
const ITEM_MS = 10
const SLOTS = 2
const NEWCOMERS = 5

export const fair = (): Promise<Row[]> =>
  Site.with(async site => {
    const client = await site.client(await site.daemon('ann'))
    await site.agent(client, SLOTS)
    const jobs = await Promise.all(
      [1, 3].map(weight => {
        const { asked, parts } = waits(ITEM_MS, 1_000_000, { weight })
        return client.submit(asked, parts)
      }),
    )
    for (const { id } of jobs) await seen(client, id, view => view.settled > 0)
    const settled = async (): Promise<number[]> =>
      Promise.all(jobs.map(async ({ id }) => (await client.describe(id)).view.settled))
    const before = await settled()
    await sleep(1000 * SECONDS)
    const had = (await settled()).map((now, nth) => now - (before[nth] ?? 0))
    const all = had.reduce((sum, items) => sum + items, 0)
    const [light] = jobs
    if (light !== undefined) await client.cancel(light.id, 'measured')
    const firsts: number[] = []
    for (let nth = 0; nth < NEWCOMERS; nth++) {
      const { asked, parts } = waits(ITEM_MS, 100)
      const began = performance.now()
      const { id } = await client.submit(asked, parts)
      const over = seen(client, id, isOver)
      for await (const _ of client.results(id, { ordered: false }, never)) {
        firsts.push((performance.now() - began) / 1000)
        break
      }
      await over
    }
    return [
      share(`share of the job of weight 1 beside one of 3, over ${SECONDS} s`, [(had[0] ?? Number.NaN) / all]),
      share(`… and what both had of ${SLOTS} slots`, [(all * ITEM_MS) / 1000 / (SLOTS * SECONDS)]),
      took('a short job behind a long one: to its first outcome at the client', firsts, 1, { most: 1 }),
    ]
  })
