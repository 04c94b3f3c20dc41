import test from 'ava'
import { Fault } from '../../../../coordinator/cli/fault.js'
import type { OptionKey } from '../../../../coordinator/cli/options.js'
import { askedOf } from '../../../../coordinator/cli/remote/asked.js'
import { deskFault, isRemote, withDesk } from '../../../../coordinator/cli/remote/open.js'
import { settle } from '../../../../coordinator/cli/settings.js'
import { DeskError } from '../../../../coordinator/serve/desk.js'
import { ended, manyhands } from '../../../support/command.js'
import { invoked, settingsOf } from './stage.js'

const AT = { MANYHANDS_COORDINATOR: '127.0.0.1:4270' }

test('what is said nearest says whether a daemon has the job', t => {
  const asked = (flags: Record<string, unknown>, env: NodeJS.ProcessEnv) => settle('map', { flags, env, files: [] })
  t.false(isRemote(asked({}, {})))
  t.true(isRemote(asked({}, AT)))
  for (const flags of [
    { place: 'local' },
    { place: 'inline' },
    { nats: 'nats://127.0.0.1' },
    { job: 'a' },
    { explain: true },
  ])
    t.false(isRemote(asked(flags, AT)), JSON.stringify(flags))
  t.true(isRemote(asked({ place: 'cluster' }, AT)))
  const nearer = asked(
    { coordinator: '127.0.0.1:4270' },
    { MANYHANDS_NATS: 'nats://127.0.0.1', MANYHANDS_PLACE: 'local' },
  )
  t.true(isRemote(nearer))
  t.false(nearer.has('nats'))
  const both = t.throws(() => isRemote(settingsOf('map', { nats: 'nats://127.0.0.1' })), { instanceOf: Fault })
  t.is(both?.code, 'MH-USAGE-CONFLICT')
  t.regex(both?.message ?? '', /--nats and --coordinator contradict each other/)
})

test('options that only a coordinator here has are refused as flags, and dropped from farther away', async t => {
  const flags: readonly (readonly [OptionKey, string | boolean])[] = [
    ['slots', '2'],
    ['memory', '1GiB'],
    ['costs', 'off'],
    ['replicas', '3'],
    ['speculation', false],
  ]
  for (const [key, value] of flags) {
    const asking = askedOf(invoked('map', ['Math.sqrt'], { range: '0..3', [key]: value }))
    const fault = await t.throwsAsync(asking, { instanceOf: Fault })
    t.regex(fault.message, /^--\S+ says nothing with --coordinator/, key)
  }
  const env = { ...AT, MANYHANDS_SLOTS: '3', MANYHANDS_COSTS: 'off', MANYHANDS_RETRIES: '2' }
  const settings = settle('map', { flags: { range: '0..3', onError: 'stop', needs: 'gpu,host=a' }, env, files: [] })
  const { job } = await askedOf({ settings, operands: ['Math.sqrt'], rest: undefined })
  t.deepEqual(job, {
    name: 'Math.sqrt',
    runner: 'node',
    entry: '',
    function: 'Math.sqrt',
    input: { start: 0, end: 3, step: 1 },
    retries: 2,
    maxFailures: { count: 0 },
    needs: ['gpu', 'host=a'],
  })
})

test('what a daemon refuses is a fault with a code; anything else stays what it is', t => {
  const codes = (
    ['JOB_UNKNOWN', 'JOB_STATE', 'AGENT_UNKNOWN', 'ASKED', 'BUSY', 'STORE', 'UNREACHABLE', 'ENDING'] as const
  ).map(code => (deskFault(new DeskError(code, 'no')) as Fault).code)
  t.deepEqual(codes, [
    'MH-JOB-UNKNOWN',
    'MH-JOB-STATE',
    'MH-AGENT-UNKNOWN',
    'MH-JOB-ASKED',
    'MH-COORDINATOR-BUSY',
    'MH-COORDINATOR-STORE',
    'MH-COORDINATOR',
    'MH-COORDINATOR',
  ])
  t.is((deskFault(new DeskError('ASKED', 'too many', { field: 'retries' })) as Fault).message, 'too many (retries)')
  const other = new Error('other')
  t.is(deskFault(other), other)
})

test('nothing goes beyond this machine unprotected unless that is allowed', async t => {
  const far = settle('jobs', { flags: { coordinator: '127.0.0.1:1,far.example:4270' }, env: {}, files: [] })
  const fault = await t.throwsAsync(
    withDesk(far, async () => 0),
    { instanceOf: Fault },
  )
  t.is(fault.code, 'MH-COORDINATOR-INSECURE')
  t.regex(fault.message, /far\.example:4270/)
  const none = await t.throwsAsync(
    withDesk(settle('watch', { flags: {}, env: {}, files: [] }), async () => 0),
    { instanceOf: Fault },
  )
  t.is(none.code, 'MH-USAGE-MISSING')
})

test("commands without a daemon say which one is missing, and those of this machine say what is a daemon's", async t => {
  const cases: readonly (readonly [args: readonly string[], code: number, said: RegExp])[] = [
    [['watch'], 2, /--coordinator is missing/],
    [['agents', 'sett'], 2, /agents sett is not known/],
    [['cancel', 'a', '--reason', 'b'], 2, /--reason says nothing without --coordinator/],
    [['map', 'Math.sqrt', '--range', '0..3', '--name', 'a'], 2, /--name says nothing without --coordinator/],
    [['jobs', 'a'], 2, /only those of a daemon/],
    [['jobs', '--coordinator', 'here'], 2, /--coordinator is "here"; expected HOST:PORT/],
    [['serve'], 2, /--nats is missing/],
    [['serve', '--nats', 'nats://127.0.0.1', '--listen', '0.0.0.0:0'], 2, /MH-COORDINATOR-INSECURE/],
    [['jobs', '--coordinator', '127.0.0.1:1'], 3, /\[MH-COORDINATOR\]/],
  ]
  for (const [args, code, said] of cases) {
    const end = await ended(manyhands(args))
    t.is(end.code, code, `${args.join(' ')}: ${end.stderr}`)
    t.regex(end.stderr, said)
    t.is(end.stdout, '')
  }
})
