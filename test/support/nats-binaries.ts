// The nats-server programs that the tests run on: Debian's own, and the newest that Debian's sid offers.
// Out: paths of programs. The first is taken from PATH or installed with apt-get; the second is downloaded, checked by
// apt against Debian's keyring, and unpacked into .cache/ without touching the machine.
// Always true: what cannot be had is an Error of one line that says what to do; nothing is skipped.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onPath, programOf } from './debian.js'

const run = promisify(execFile)

/** `.cache/` in the repository's root, from dist/test/support/. */
const CACHE = fileURLToPath(new URL('../../../.cache/', import.meta.url))
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

export interface NatsBinary {
  readonly path: string
  readonly version: string
}

const withVersion = async (path: string): Promise<NatsBinary> => {
  const { stdout } = await run(path, ['--version'])
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1]
  if (!version) throw new Error(`${path} --version says "${stdout.trim()}": expected a version`)
  return { path, version }
}

/** The machine's own nats-server: what users of a stable system have. */
export const stableServer = async (): Promise<NatsBinary> => {
  return withVersion(await programOf('nats-server', 'nats-server'))
}

/** The newest nats-server that Debian packages. */
export const newestServer = async (): Promise<NatsBinary> => {
  const folder = join(CACHE, 'nats-server-sid')
  if (!existsSync(folder)) await fetchFromSid(folder)
  return withVersion(join(folder, 'usr/sbin/nats-server'))
}

const fetchFromSid = async (folder: string): Promise<void> => {
  if (!(await onPath('apt-get')) || !(await onPath('dpkg')))
    throw new Error(
      `the tests need a newer nats-server too: unpack one as ${folder}/usr/sbin/nats-server (Debian does so by itself)`,
    )
  await mkdir(CACHE, { recursive: true })
  // Two test files may fetch at once: each in its own folder, and the first to end wins.
  const work = await mkdtemp(join(CACHE, 'fetch-'))
  try {
    for (const name of ['lists/partial', 'cache/archives/partial', 'root'])
      await mkdir(join(work, name), { recursive: true })
    const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : ''
    await writeFile(join(work, 'sources.list'), `deb ${signed}${await debianMirror()} sid main\n`)
    const settings = {
      'Dir::Etc::SourceList': join(work, 'sources.list'),
      'Dir::Etc::SourceParts': '-',
      'Dir::State::Lists': join(work, 'lists'),
      'Dir::Cache': join(work, 'cache'),
      'APT::Sandbox::User': '',
    }
    const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
    await run('apt-get', [...options, 'update'], { cwd: work })
    await run('apt-get', [...options, 'download', 'nats-server'], { cwd: work })
    const archive = (await readdir(work)).find(name => name.endsWith('.deb'))
    if (!archive) throw new Error('apt-get download left no package')
    await run('dpkg', ['-x', join(work, archive), join(work, 'root')])
    await rename(join(work, 'root'), folder).catch(error => {
      if (!existsSync(folder)) throw error
    })
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (error as Error).message
    throw new Error(
      `Debian's newest nats-server could not be fetched (${said}): check the network, or unpack one as ${folder}/usr/sbin/nats-server`,
      {
        cause: error,
      },
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The address that this machine's apt takes Debian's main archive from. */
export const debianMirror = async (): Promise<string> => {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(release)?.[1] ?? 'stable'
  const folder = '/etc/apt/sources.list.d'
  const names = await readdir(folder).catch(() => [])
  const files = ['/etc/apt/sources.list', ...names.map(name => join(folder, name))]
  const sources: { uri: string; suites: string[] }[] = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (file.endsWith('.list')) sources.push(...readOneLine(text))
    else if (file.endsWith('.sources')) sources.push(...readStanzas(text))
  }
  const mirror = sources.find(source => source.suites.includes(codename) || source.suites.includes('stable'))
  if (!mirror) throw new Error(`no Debian mirror of ${codename} stands in /etc/apt`)
  return mirror.uri
}

const readOneLine = (text: string) =>
  [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b/gm)].map(match => ({
    uri: match[1] ?? '',
    suites: [match[2] ?? ''],
  }))

const readStanzas = (text: string) =>
  text
    .replace(/^#.*\n/gm, '')
    .split(/\n\s*\n/)
    .filter(stanza => /^Components:.*\bmain\b/m.test(stanza) && !/^Enabled:\s*no/im.test(stanza))
    .map(stanza => ({
      uri: /^URIs:\s*(\S+)/m.exec(stanza)?.[1] ?? '',
      suites: (/^Suites:\s*(.*)$/m.exec(stanza)?.[1] ?? '').split(/\s+/),
    }))
