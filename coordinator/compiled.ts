// Where the command's process begins: it runs the command, of which V8 need not compile again what it compiled the last time.
// In: the command, joined by scripts/build.mjs into one script, and what was kept of it in the user's cache folder.
// Out: the command runs; what V8 compiled is kept. Always true: what was kept is this user's own, and of this very build;
// without it, the command runs as well.
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'
import { crc32 } from 'node:zlib'
import { homeFolder } from '../proto/home.js'

/** The build's hash, and its folder; put in by scripts/build.mjs. */
declare const BUILD: string
declare const HERE: string

/** What is compiled depends on the command, on Node, and on the flags that it was started with. */
const namesOf = ({ argv, execArgv, env, version }: NodeJS.Process): { name: string; group: string } | undefined => {
  // Where files have no owner, nobody knows who wrote one.
  if (env['NODE_DISABLE_COMPILE_CACHE'] === '1' || process.getuid === undefined) return undefined
  const command = /^[a-z]{2,10}$/.exec(argv[2] ?? '')?.[0] ?? 'manyhands'
  const flags = [...execArgv, env['NODE_OPTIONS'] ?? ''].join(' ').trim()
  if (!/^[\w=. -]{0,60}$/.test(flags)) return undefined
  const group = `${[command, version, process.arch, ...flags.split(' ')].filter(Boolean).join('_')}_`
  return { group, name: `${group}${BUILD}` }
}

const folderOf = (): string => {
  const asked = process.env['XDG_CACHE_HOME']
  return join(asked !== undefined && isAbsolute(asked) ? asked : join(homeFolder(), '.cache'), 'manyhands', 'compiled')
}

/** A build that nobody runs any more: what was kept of it goes when another one's is kept. */
const OLD_MS = 24 * 3600 * 1000

/** V8 looks at the head of it alone, and dies of what a disk or a power cut made of the rest. */
const CHECKSUM_BYTES = 4

/** undefined where there is none, or where others could have written it: whoever does decides what runs. */
const readKept = (path: string): Buffer | undefined => {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { uid, mode } = fstatSync(file)
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined
    const kept = readFileSync(file)
    const compiled = kept.subarray(CHECKSUM_BYTES)
    return crc32(compiled) === kept.readUInt32LE(0) ? compiled : undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

const keep = (folder: string, { name, group }: { name: string; group: string }, compiled: Buffer): void => {
  const unfinished = join(folder, `${name}.${process.pid}`)
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32LE(crc32(compiled))
  try {
    // One by one: where nothing can be made, as below /proc, Node's recursive way never ends.
    for (const each of [dirname(folder), folder]) if (!existsSync(each)) mkdirSync(each, { mode: 0o700 })
    for (const other of readdirSync(folder).filter(each => each.startsWith(group))) {
      // Two installations may take turns.
      const ageMs = Date.now() - statSync(join(folder, other)).mtimeMs
      if (ageMs > OLD_MS) rmSync(join(folder, other), { force: true })
    }
    try {
      writeFileSync(unfinished, Buffer.concat([checksum, compiled]), { mode: 0o600, flag: 'wx' })
      renameSync(unfinished, join(folder, name))
    } finally {
      rmSync(unfinished, { force: true })
    }
  } catch {
    // The next one compiles again.
  }
}

const runJoined = (): void => {
  const filename = join(HERE, 'joined.cjs')
  const names = namesOf(process)
  const folder = folderOf()
  const cachedData = names && readKept(join(folder, names.name))
  // It is written in ASCII.
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    ...(cachedData && { cachedData }),
  })
  if (names !== undefined && (cachedData === undefined || script.cachedDataRejected)) {
    process.once('exit', code => {
      if (code === 0) keep(folder, names, script.createCachedData())
    })
  }
  script.runInThisContext()(createRequire(filename), HERE, (specifier: string) => import(specifier))
}

// What covers the code wants to know the files.
if (!process.env['NODE_V8_COVERAGE']) runJoined()
else void import(pathToFileURL(join(HERE, '../main.js')).href)
