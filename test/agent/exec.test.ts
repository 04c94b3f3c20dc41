import test, { type ExecutionContext } from 'ava'
import { runnerContract } from '../runner.contract.js'
import { type Code, Seat, values } from './seat.js'

const command = (...argv: string[]): Code => ({ spec: { command: { argv, shell: false } } })
const script = (text: string): Code => command('sh', '-c', text, 'sh')
const shell = (...argv: string[]): Code => ({ spec: { command: { argv, shell: true } } })

runnerContract(test, {
  runner: 'exec',
  back: String,
  code: {
    same: command('echo'),
    failing: script('if [ $1 = 5 ]; then echo it is five >&2; exit 7; fi; echo $1'),
    dying: script('if [ $1 = 5 ]; then kill -9 $PPID; fi; echo $1'),
    slow: script('sleep 0.06; echo $1'),
    hanging: script('if [ $1 = 5 ]; then sleep 100; fi; echo $1'),
    printing: script('echo item $1 >&2; echo $1'),
    waiting: script('if [ $(($1 % 2)) = 0 ]; then sleep 0.15; else sleep 0.05; fi; echo $1'),
    stuck: script('if [ $1 = 5 ]; then sleep 1000; else sleep 0.02; fi; echo $1'),
    falling: script(
      'sleep 0.02; if [ $1 = 7 ]; then kill -9 $PPID; fi; if [ $1 = 5 ]; then echo it is five >&2; exit 7; fi; echo $1',
    ),
  },
})

const outputs = async (t: ExecutionContext, code: Code, ...items: unknown[]): Promise<readonly unknown[]> => {
  const seat = new Seat(t, 'exec')
  const ran = await seat.run(seat.load(code), values(...items))
  await seat.worker.close(5)
  return ran.failures.length > 0 ? ran.failures.map(failure => `${failure.reason}: ${failure.message}`) : ran.values
}

test('placeholders stand for the parts of a path, and for the number of the item', async t => {
  const all = command('printf', '%s|%s|%s|%s|%s|%s', '{}', '{.}', '{/}', '{//}', '{/.}', '{#}')
  t.deepEqual(await outputs(t, all, 'a/b.c.d', 'x', '/r.y', 'a.d/b'), [
    'a/b.c.d|a/b.c|b.c.d|a|b.c|1',
    'x|x|x|.|x|2',
    '/r.y|/r|r.y|/|r|3',
    'a.d/b|a.d/b|b|a.d|b|4',
  ])
})

test('an item becomes one argument: text as it is, numbers as JavaScript prints them, anything else as JSON', async t => {
  const got = await outputs(t, command('printf', '<%s>'), 'a b; $(id)', 1e21, -0, 0.1, true, null, [1, 'x'], { a: 1 })
  t.deepEqual(got, ['<a b; $(id)>', '<1e+21>', '<0>', '<0.1>', '<true>', '<null>', '<[1,"x"]>', '<{"a":1}>'])
  const records = [
    { a: 1, b: 'x y', c: [null] },
    { a: -0, b: '', c: 2 },
  ]
  t.deepEqual(await outputs(t, command('printf', '<%s>'), ...records), [
    '<{"a":1,"b":"x y","c":[null]}>',
    '<{"a":-0.0,"b":"","c":2}>',
  ])
})

test('a shell gets an item as a positional parameter, however it is quoted', async t => {
  const nasty = '"; echo hacked; \'$(echo hacked)`echo hacked` *'
  t.deepEqual(await outputs(t, shell('printf %s {} | cat'), nasty), [nasty])
  t.deepEqual(await outputs(t, shell('printf %s "<{}>" | cat'), nasty), [`<${nasty}>`])
  t.deepEqual(await outputs(t, shell("printf %s '<{}>' | cat"), nasty), [`<${nasty}>`])
  t.deepEqual(await outputs(t, shell('printf', '%s'), nasty), [nasty])
  t.deepEqual(await outputs(t, shell('printf %s "$1"'), nasty), [nasty], 'it is not given a second time')
  t.deepEqual(
    await outputs(t, shell("echo '$1'; echo"), nasty),
    [`$1\n${nasty}`],
    'a parameter in single quotes is not one',
  )
})

test('output is text without the line feeds at its end, or bytes where it is no UTF-8', async t => {
  t.deepEqual(await outputs(t, shell('printf "a\\n\\nb\\n\\n"; :'), 1), ['a\n\nb'])
  t.deepEqual(await outputs(t, shell("printf '\\377\\n'; :"), 1), [new Uint8Array([255, 10])])
})

test('what cannot be an argument, a command that is not there and too much output are failures that say so', async t => {
  t.deepEqual(await outputs(t, command('echo'), 'a\0b'), ['undecodable: an argument cannot hold a NUL character'])
  t.regex(
    String((await outputs(t, command('no-such-command'), 1))[0]),
    /^error: there is no command no-such-command in PATH \(.+\)/,
  )
  t.regex(String((await outputs(t, shell('yes {}'), 1))[0]), /wrote more than 16777216 bytes/)
  t.regex(String((await outputs(t, shell('kill -TERM $$'), 1))[0]), /\/bin\/sh was killed by SIGTERM/)
})

test('a process that a command leaves behind does not hold its outcome up for long', async t => {
  const began = performance.now()
  t.deepEqual(await outputs(t, shell('sleep 30 & echo {}'), 'x'), ['x'])
  t.true(performance.now() - began < 5000)
})

test('a job that a command cannot do is refused', async t => {
  const seat = new Seat(t, 'exec')
  seat.load({ spec: { operation: 'fold', command: { argv: ['echo'], shell: false } } })
  const refused = await seat.until(event => (event.type === 'refused' ? event : undefined))
  t.regex(refused.failure.message, /cannot fold/)
  await seat.worker.close(5)
})
