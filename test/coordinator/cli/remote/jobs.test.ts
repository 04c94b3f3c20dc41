import test, { type ExecutionContext } from 'ava'
import { drainOn, listAgentsOn, setSlotsOn } from '../../../../coordinator/cli/remote/agents.js'
import { askedOf } from '../../../../coordinator/cli/remote/asked.js'
import { cancelOn, forgetOn, listOn, resumeOn } from '../../../../coordinator/cli/remote/jobs.js'
import { submitTo } from '../../../../coordinator/cli/remote/submit.js'
import { watchOn } from '../../../../coordinator/cli/remote/watch.js'
import { DeskError } from '../../../../coordinator/serve/desk.js'
import { MemoryDesk } from '../../../support/memory-desk.js'
import { agent, invoked, openStage, settingsOf } from './stage.js'

const open = async (t: ExecutionContext, jobs: number) => {
  const desk = new MemoryDesk([agent(), agent({ name: 'beta-y2', host: 'beta', labels: ['gpu'], why: 'too old' })])
  t.teardown(() => desk.close())
  const quiet = openStage()
  for (let nth = 0; nth < jobs; nth++) {
    const invocation = invoked('submit', ['Math.sqrt'], { range: '0..9', name: `job-${nth}` })
    await submitTo(desk, invocation.settings, await askedOf(invocation), quiet.speech)
  }
  if (jobs > 0) await watchOn(desk, settingsOf('watch', { quiet: true }), 'all', quiet.speech)
  return { desk, ...openStage() }
}

test.serial('jobs are a table, or one JSON array', async t => {
  const { desk, speech, out } = await open(t, 2)
  await listOn(desk, settingsOf('jobs'), [], speech)
  const [head, first] = out().split('\n')
  t.regex(head ?? '', /^JOB {2}NAME +STATE +ITEMS +SLOTS +TIME +WHY$/)
  t.regex(first ?? '', /^1 {4}job-0 +done +9 of 9 +- +[\d.]+ m?s$/)
  const before = out().length
  await listOn(desk, settingsOf('jobs', { json: true }), [], speech)
  const list = JSON.parse(out().slice(before)) as Record<string, unknown>[]
  t.deepEqual(
    list.map(({ number, name, state, items, settled, failed, why }) => [
      number,
      name,
      state,
      items,
      settled,
      failed,
      why,
    ]),
    [
      [1, 'job-0', 'done', 9, 9, 0, null],
      [2, 'job-1', 'done', 9, 9, 0, null],
    ],
  )
})

test.serial('jobs JOB shows all that is known of it', async t => {
  const { desk, speech, out } = await open(t, 1)
  await listOn(desk, settingsOf('jobs'), ['job-0'], speech)
  t.regex(out(), /^1 {2}job-0 {2}b1-Math\.sqrt\n {2}State +done\n/)
  t.regex(out(), /Function +Math\.sqrt \(node\)\n {2}Input +0\.\.9\n/)
  const before = out().length
  await listOn(desk, settingsOf('jobs', { json: true }), ['1'], speech)
  const [detail] = JSON.parse(out().slice(before)) as { receipt: { items: number }; asked: { function: string } }[]
  t.is(detail?.receipt.items, 9)
  t.is(detail?.asked.function, 'Math.sqrt')
})

test.serial(
  'several are forgotten one after the other; what the daemon refuses ends it, and what was done is told',
  async t => {
    const { desk, speech, out } = await open(t, 4)
    t.is(await forgetOn(desk, settingsOf('forget'), '1-2', speech), 0)
    t.is(out(), 'job 1, job-0, is forgotten\njob 2, job-1, is forgotten\n')
    t.is(await cancelOn(desk, settingsOf('cancel', { reason: 'no' }), 'last', speech), 0)
    t.regex(out(), /job 4, job-3, had ended before: done\n$/)
    t.deepEqual(desk.heard.slice(-1), ['cancel 4 no'])
    const error = await t.throwsAsync(resumeOn(desk, settingsOf('resume'), '3', speech), { instanceOf: DeskError })
    t.is(error.code, 'JOB_STATE')
    const before = out().length
    await forgetOn(desk, settingsOf('forget', { json: true }), 'all', speech)
    t.is((JSON.parse(out().slice(before)) as unknown[]).length, 2)
    await listOn(desk, settingsOf('jobs'), [], speech)
    t.regex(out(), /the daemon has no job\n$/)
  },
)

test.serial('agents are a table, or one JSON array; their slots are set, and they are drained', async t => {
  const { desk, speech, out } = await open(t, 0)
  await listAgentsOn(desk, settingsOf('agents'), speech)
  t.regex(
    out(),
    /^AGENT +HOST +SLOTS +BUSY +LABELS +VERSION +STATE\nalpha-x1 +alpha +4 +1 +- +0\.1\.0 +heard 300 ms ago\n/,
  )
  t.regex(out(), /beta-y2 +beta +4 +1 +gpu +0\.1\.0 +too old\n$/)
  await setSlotsOn(desk, settingsOf('agents', { slots: '2' }), 'alpha', speech)
  t.regex(out(), /agent alpha-x1 lends 2 slots from now on\n$/)
  await drainOn(desk, settingsOf('drain'), 'b', speech)
  t.deepEqual(desk.heard, ['slots alpha-x1 2', 'drain beta-y2'])
  const before = out().length
  await listAgentsOn(desk, settingsOf('agents', { json: true }), speech)
  const list = JSON.parse(out().slice(before)) as Record<string, unknown>[]
  t.deepEqual(
    list.map(({ name, slots, draining }) => [name, slots, draining]),
    [
      ['alpha-x1', 2, false],
      ['beta-y2', 4, true],
    ],
  )
  await t.throwsAsync(setSlotsOn(desk, settingsOf('agents'), 'alpha', speech), { message: /--slots is missing/ })
})
