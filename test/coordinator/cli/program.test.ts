// The command as a process of its own: what it says, where, and its exit code.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const MAIN = fileURLToPath(new URL('../../../coordinator/command/main.cjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'manyhands-cli-'))
test.after.always(() => rmSync(folder, { recursive: true }))

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Options {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly stdin?: string
  readonly onStart?: (child: ChildProcess) => void
}

/** Nobody's own settings play a part. */
const run = (args: readonly string[], { env = {}, cwd = folder, stdin = '', onStart }: Options = {}): Promise<Run> =>
  new Promise((resolve, reject) => {
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH, HOME: folder, ...env } })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    onStart?.(child)
  })

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return name
}

test.serial('errors of usage exit with 2, say nothing on standard output, and name what is meant', async t => {
  const cases: [string[], RegExp][] = [
    [['expl'], /unknown command expl \[MH-USAGE-COMMAND\]\n.*explain/],
    [['mpa'], /Did you mean map\?/],
    [['map', 'f.js', '--slot', '3'], /unknown option --slot of manyhands map \[MH-USAGE-OPTION\]\n.*--slots\?/],
    [['--verison'], /unknown option --verison.*\n.*--version\?/],
    [['map', 'f.js', '--slots'], /--slots <N> argument missing \[MH-USAGE-MISSING\]/],
    [['map', 'f.js', '--range', '0..3', '--slots', 'x'], /--slots is "x"; expected a whole number/],
    [
      ['map', 'f.js', '--place', 'inline', '--concurrency', '4', '--range', '0..2'],
      /--concurrency says nothing with --place inline/,
    ],
    [['map', 'f.js', '--concurrency', '0'], /--concurrency is "0"; expected auto, or a whole number from 1 to 10000/],
    [['map', 'f.js', '--range', '0-3'], /--range: the range "0-3" is not understood/],
    [['map', 'f.js'], /no input.*\[MH-USAGE-MISSING\]\n.*\n {4}--range/],
    [['map', '--range', '0..3'], /there is no function \[MH-USAGE-MISSING\]/],
    [['map', 'f.js', '--range', '0..3', '--input', 'a.txt'], /--range and --input contradict each other/],
    [['map', 'f.js', '--range', '0..3', '--format', 'csv'], /--format says nothing without --input/],
    [['map', 'f.js', '--range', '0..3', '--', 'echo'], /both a function \(f\.js\) and a command \(-- echo\)/],
    [['map', '--range', '0..3', '--'], /there is no command behind --/],
    [['map', 'f.js', '--range', '0..3', '--shell'], /--shell says nothing without a command/],
    [['map', 'f.js', '--range', '0..3', '--shared', 'x'], /--shared is given, but --init is missing/],
    [
      ['map', 'f.js', '--range', '0..3', '--place', 'inline', '--slots', '2'],
      /--slots says nothing with --place inline/,
    ],
    [['map', 'f.js', '--range', '0..3', '--place', 'cluster'], /--place is cluster, but --nats URL is missing/],
    [['map', 'f.js', '--range', '0..3', '--place', 'local', '--nats', 'nats://localhost'], /--place and --nats/],
    [['map', 'f.js', '--range', '0..3', '--slots', '2', '--nats', 'nats://localhost'], /--slots says nothing with/],
    [
      ['map', 'f.js', '--range', '0..3', '--nats', 'nats://u:secret@example.org'],
      /plain nats:\/\/ to example\.org.*MH-NATS-INS/,
    ],
    [['agent', '--nats', 'http://u:secret@example.org'], /expected nats:\/\/HOST:PORT/],
    [['map', 'f.js', '--range', '0..3', '--on-error', 'stop', '--max-failures', '3'], /--on-error and --max-failures/],
    [['map', 'f.js', '--range', '0..3', '--receipt', 'r.json', '--output', './r.json'], /are the same file, r\.json/],
    [
      ['map', 'f.js', '--input', 'a.jsonl.part', '--format', 'jsonl', '--output', 'a.jsonl'],
      /--output a\.jsonl is written until/,
    ],
    [['map', 'f.js', '--range', '0..3', '--receipt', 'r.html'], /expected a file that ends in \.json/],
    [['map', 'Math.sqrt', '--range', '0..3', '--tagged', '--output', 'o.csv'], /--output: csv has no place/],
    [['map', 'Math.sqrt', '--range', '0..3', '--init', 'x'], /--init says nothing with the built-in Math\.sqrt/],
    [['map', 'f.rb', '--range', '0..3'], /\[MH-FUNCTION-REFERENCE\]/],
    [
      ['map', 'f.js', '--range', '0..3', '--require', 'sped>=4'],
      /--require is "sped>=4"; expected one or more of speedup, eff/,
    ],
    [['explain', 'f.js'], /no input/],
    [
      ['explain', 'f.js', '--range', '0..9', '--require', 'failed<=0'],
      /--require names failed, which is known only when all items have run/,
    ],
    [['map', 'Math.sqr', '--range', '0..3'], /Math has no function sqr \[MH-FUNCTION-REFERENCE\]\n.*Math\.sqrt\?/],
    [['bench', '--nats', 'nats://localhost', '--slots', '2'], /--slots says nothing with --nats/],
    [['reduce', '--range', '0..3', '--', 'sum'], /cannot be folded with/],
    [['run'], /there is no function/],
    [['agent'], /--nats is missing/],
    [['up', 'x'], /too many arguments for up/],
    [['config', 'set'], /config set is not known/],
  ]
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await run(args)
    const what = args.join(' ')
    t.is(code, 2, what)
    t.is(stdout, '', what)
    t.regex(stderr, expected, what)
    t.notRegex(stderr, /\n\s+at |secret/, `${what}: neither a stack nor a secret`)
  }
})

test.serial('what cannot be read or reached exits with 3, and -v shows the stack', async t => {
  const missing = await run(['map', 'nowhere.js#f', '--range', '0..3'])
  t.is(missing.code, 3)
  t.regex(missing.stderr, /nowhere\.js.*\[MH-FUNCTION-FILE\]/)
  const input = await run(['map', 'Math.sqrt', '--input', 'nowhere.txt'])
  t.is(input.code, 3)
  t.regex(input.stderr, /nowhere\.txt.*\[MH-INPUT\]/)
  t.notRegex(input.stderr, /\n\s+at /)
  t.regex((await run(['map', 'Math.sqrt', '--input', 'nowhere.txt', '-v'])).stderr, /\n\s+at /)
  const output = await run(['map', 'Math.sqrt', '--range', '0..3', '--output', 'no/folder.json'])
  t.is(output.code, 3)
  t.regex(output.stderr, /no\/folder\.json.*\[MH-OUTPUT\]/)
  const nats = await run(['map', 'Math.sqrt', '--range', '0..3', '--nats', 'nats://127.0.0.1:1'])
  t.is(nats.code, 3)
  t.regex(nats.stderr, /nats:\/\/127\.0\.0\.1:1.*\[MH-NATS\]/)
})

test.serial('help and version go to standard output; no command is an error that shows the help', async t => {
  const help = await run(['--help'])
  t.is(help.code, 0)
  for (const name of ['map', 'reduce', 'run', 'explain', 'bench', 'agent', 'up', 'doctor'])
    t.regex(help.stdout, new RegExp(`^  ${name} `, 'm'))
  t.is(help.stderr, '')
  const map = await run(['map', '--help'])
  t.regex(map.stdout, /--shard-size <N>[\s\S]*Examples:\n {2}manyhands map Math\.sqrt/)
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.is((await run(['--version'])).stdout, `${version}\n`)
  t.is((await run([])).code, 2)
})

test.serial('config show says what is set and by whom, nearest first', async t => {
  const cwd = mkdtempSync(join(folder, 'project-'))
  writeFileSync(join(cwd, 'manyhands.toml'), 'slots = 3\nretries = 1\n[map]\ntimeout = "2s"\n')
  const options = { cwd, env: { MANYHANDS_SLOTS: '4', MANYHANDS_NATS: 'nats://u:secret@127.0.0.1' } }
  const { stdout, code } = await run(['config', 'show', '--origin'], options)
  t.is(code, 0)
  t.regex(stdout, /^slots = "4" {2}# MANYHANDS_SLOTS$/m)
  t.regex(stdout, /^retries = "1" {2}# retries in .*manyhands\.toml$/m)
  t.regex(stdout, /^timeout = "2s" {2}# timeout in \[map\] of .*manyhands\.toml$/m)
  t.notRegex(stdout, /secret/)
  writeFileSync(join(cwd, 'manyhands.toml'), 'slotz = 3\n')
  const wrong = await run(['map', 'f.js', '--range', '0..3'], { cwd })
  t.is(wrong.code, 2)
  t.regex(wrong.stderr, /unknown key slotz in .*\[MH-CONFIG-KEY\]\n {2}Did you mean slots\?/)
  writeFileSync(join(cwd, 'manyhands.toml'), 'slots = \n')
  t.regex((await run(['map', 'f.js', '--range', '0..3'], { cwd })).stderr, /\[MH-CONFIG-FILE\]/)
})

test.serial('map writes values in order, and the verdict on standard error', async t => {
  const { code, stdout, stderr } = await run(['map', 'Math.sqrt', '--range', '0..100'])
  t.is(code, 0)
  t.is(stdout, Array.from({ length: 100 }, (_, at) => `${Math.sqrt(at)}\n`).join(''))
  t.regex(stderr, /^Math\.sqrt {2}✓ 100 of 100 items in /)
})

test.serial('failed items exit with 1, are listed with their indices, and --json ends with the receipt', async t => {
  file('odd.js', 'export const even = x => { if (x % 2) throw new Error(`odd`); return x }\n')
  const { code, stdout, stderr } = await run(['map', 'odd.js#even', '--range', '0..6', '--json'])
  t.is(code, 1)
  t.is(stdout, '0\nnull\n2\nnull\n4\nnull\n')
  t.regex(stderr, /3 x error: odd\n {6}items 1, 3, 5\n/)
  const receipt = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  t.like(receipt, { schema: 'manyhands.receipt/1', items: 6, failed: 3 })
})

test.serial('map runs a command for each item, and the words behind -- are its own', async t => {
  const { code, stdout } = await run(['map', '--input', '-', '--quiet', '--', 'echo', '-n', '--slots', '{}'], {
    stdin: 'a b\n--version\n',
  })
  t.is(code, 0)
  t.is(stdout, '"--slots a b"\n"--slots --version"\n')
})

test.serial('--concurrency lets items and commands wait together', async t => {
  const wait = 'export default async x => { await new Promise(r => setTimeout(r, 50)); return x }'
  const secondsOf = async (...args: string[]): Promise<number> => {
    const { code, stdout, stderr } = await run(['map', '--slots', '1', '--json', '--range', '0..24', ...args])
    t.is(code, 0, stderr)
    t.is(
      stdout
        .trim()
        .split('\n')
        .map(line => Number(JSON.parse(line)))
        .join(),
      Array.from({ length: 24 }, (_, x) => x).join(),
    )
    return JSON.parse(stderr.trimEnd().split('\n').at(-1) as string).core_seconds.compute
  }
  for (const what of [[file('waits.js', wait)], ['--shell', '--', 'sleep 0.05; echo {}']]) {
    const alone = await secondsOf('--concurrency', '1', ...what)
    const together = await secondsOf('--concurrency', '12', ...what)
    t.true(alone > 2 * together, `${what}: ${alone} s one by one, ${together} s together`)
  }
})

test.serial('reduce folds, and run calls once', async t => {
  file('sum.js', 'export const add = (a, b) => a + b\nexport const square = x => x * x\n')
  const folded = await run([
    'reduce',
    'sum.js#add',
    '--range',
    '0..100',
    '--map',
    'square',
    '--initial',
    '0.5',
    '--quiet',
  ])
  t.deepEqual(folded, { code: 0, stdout: '328350.5\n', stderr: '' })
  t.is((await run(['run', 'sum.js#add', '3', '-4'])).stdout, '-1\n')
  t.is((await run(['run', 'sum.js#add', 'not JSON, ', '"a"'])).stdout, '"not JSON, a"\n')
  const wrong = await run(['run', 'sum.js#add', '1', '--', '--x'])
  t.is(wrong.stdout, '"1--x"\n')
  file('bad.js', 'export default () => { throw new RangeError("too far") }\n')
  const failed = await run(['run', 'bad.js'])
  t.is(failed.code, 1)
  t.regex(failed.stderr, /error: .*too far \[MH-ITEMS-FAILED\]\nRangeError: too far\n\s+at /)
})

/** A line of a module that leaves a file behind when it is loaded. */
const mark = (name: string): string =>
  `import { writeFileSync as mark } from 'node:fs'\nmark(${JSON.stringify(join(folder, `${name}.loaded`))}, '')\n`

const onceThere = (name: string, then: () => void): void => {
  const timer = setInterval(() => {
    if (!existsSync(join(folder, `${name}.loaded`))) return
    clearInterval(timer)
    then()
  }, 20)
}

test.serial('Ctrl-C writes what is settled, keeps the part, and exits with 130', async t => {
  file(
    'slow.js',
    `${mark('slow')}export default async x => { await new Promise(go => setTimeout(go, 20)); return x }\n`,
  )
  const { code, stderr } = await run(['map', 'slow.js', '--range', '0..100000', '--output', 'slow.jsonl'], {
    onStart: child => onceThere('slow', () => setTimeout(() => child.kill('SIGINT'), 1000)),
  })
  t.is(code, 130)
  t.regex(stderr, /slow\.jsonl was not written; what was settled is kept in .*slow\.jsonl\.part/)
  const kept = readFileSync(join(folder, 'slow.jsonl.part'), 'utf8')
  const lines = kept.split('\n').length - 1
  t.true(lines > 0)
  t.is(kept, Array.from({ length: lines }, (_, at) => `${at}\n`).join(''))
})

test.serial('one Ctrl-C is enough while code that never comes to its end is loaded', async t => {
  file('endless.js', `${mark('endless')}await new Promise(go => setTimeout(go, 60_000))\nexport default x => x\n`)
  const started = performance.now()
  const { code, stderr } = await run(['map', 'endless.js', '--range', '0..10'], {
    onStart: child => onceThere('endless', () => child.kill('SIGINT')),
  })
  t.is(code, 130)
  t.regex(stderr, /0 of 10 items .*interrupted/)
  t.true(performance.now() - started < 20_000)
})

test.serial('a second Ctrl-C ends at once, though an item still runs', async t => {
  file('stuck.js', `${mark('stuck')}export default () => new Promise(go => setTimeout(go, 60_000))\n`)
  const started = performance.now()
  const { code } = await run(['map', 'stuck.js', '--range', '0..10'], {
    onStart: child =>
      onceThere('stuck', () => {
        child.kill('SIGINT')
        setTimeout(() => child.kill('SIGINT'), 400)
      }),
  })
  t.is(code, 130)
  t.true(performance.now() - started < 20_000)
})

test.serial('a reader that goes away ends the job quietly', async t => {
  file('echo.js', 'export default x => x\n')
  const { code, stderr } = await run(['map', 'echo.js', '--range', '0..100_000_000'], {
    onStart: child => child.stdout?.once('data', () => child.stdout?.destroy()),
  })
  t.is(code, 0)
  t.is(stderr, '')
})

test.serial('a closed standard error does not end a job', async t => {
  const { code, stdout } = await run(['map', 'Math.sqrt', '--range', '0..3'], {
    onStart: child => child.stderr?.destroy(),
  })
  t.is(code, 0)
  t.is(stdout, '0\n1\n1.4142135623730951\n')
})

test.serial('doctor has a line a check', async t => {
  const { code, stdout } = await run(['doctor'])
  t.is(code, 0)
  t.regex(stdout, /^✓ node \d+/m)
  t.regex(stdout, /-> \d+ slots?: /)
  const down = await run(['doctor', '--nats', 'nats://127.0.0.1:1'])
  t.is(down.code, 1)
  t.regex(down.stdout, /^✗ NATS nats:\/\/127\.0\.0\.1:1 does not answer/m)
})

const whereFull = existsSync('/dev/full') ? test.serial : test.skip

whereFull('results that cannot be written are an error, whatever writes them', async t => {
  for (const args of [
    ['run', 'Math.sqrt', '4'],
    ['reduce', 'Math.max', '--range', '0..9', '--quiet'],
    ['map', 'Math.sqrt', '--range', '0..9', '--quiet'],
  ]) {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', full, 'pipe'], cwd: folder })
    let stderr = ''
    child.stderr?.on('data', chunk => {
      stderr += chunk
    })
    const [code] = (await once(child, 'close')) as [number]
    closeSync(full)
    t.is(code, 3, args[0])
    t.regex(stderr, /ENOSPC/, args[0])
  }
})

test.serial('help into a reader that goes away is no error', async t => {
  const { code, stderr } = await run(['--help'], { onStart: child => child.stdout?.destroy() })
  t.is(code, 0)
  t.is(stderr, '')
})

test("a stack ends at the user's own function, wherever it ran", async t => {
  const js = file('thrower.mjs', "export const boom = x => {\n  if (x === 1) throw new Error('one')\n  return x\n}\n")
  for (const place of ['inline', 'local']) {
    const { stdout } = await run(['map', `${js}#boom`, '--range', '0..2', '--place', place, '--tagged', '--quiet'])
    const { failure } = JSON.parse(stdout.split('\n')[1] ?? '') as { failure: { stack: string } }
    t.regex(failure.stack, /^Error: one\n {4}at boom \([^\n]*thrower\.mjs:2:\d+\)$/, place)
  }
})
