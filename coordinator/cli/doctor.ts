// `manyhands doctor`: what this machine has of what manyhands needs, and the NATS server of --nats with it.
// In: the machine. Out: a line a check on standard output; 1 when something that is needed is missing.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lookUp } from '../../agent/runner/path.js'
import { paintFor } from './colour.js'
import type { Command } from './command.js'
import { EXIT, messageOf } from './fault.js'
import { formatBytes, formatSeconds, plural } from './figures.js'
import { probeNats, type ServerInfo } from './nats-probe.js'
import { type CheckedNats, checkNats, refuseReplicas } from './place.js'
import type { Settings } from './settings.js'
import { survivalFindings } from './survival.js'
import type { Paint } from './verdict.js'

/** `missing`: needed, and not there. */
export interface Finding {
  readonly state: 'fine' | 'note' | 'missing'
  readonly text: string
}

const LEAST_NODE = [20, 19] as const
const LEAST_SERVER = [2, 9, 10] as const
// The cache holds a job's code and data: less than this is soon full.
const LOW_SPACE_BYTES = 256 * 1024 * 1024

const run = promisify(execFile)

const isAtLeast = (version: string, least: readonly number[]): boolean => {
  const parts = version.replace(/^v/, '').split(/[.-]/).map(Number)
  for (const [place, wanted] of least.entries()) {
    const part = parts[place] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

export const nodeFinding = (version: string): Finding => {
  const least = LEAST_NODE.join('.')
  if (!isAtLeast(version, LEAST_NODE)) {
    return { state: 'missing', text: `node ${version} is too old: ${least} or newer is needed` }
  }
  return { state: 'fine', text: `node ${version} (${least} or newer is needed)` }
}

const slotsFinding = async (): Promise<Finding> => {
  const { defaultSlots } = await import('../../agent/slots.js')
  const { slots, visible, allowed, why } = defaultSlots()
  const cores = `${plural(visible, 'core')} visible, ${Number(allowed.toFixed(2))} allowed`
  return { state: 'fine', text: `${cores} -> ${plural(slots, 'slot')}: ${why}` }
}

const pythonFinding = async (): Promise<Finding> => {
  const file = lookUp('python3', process.env.PATH)
  if (file === undefined) return { state: 'note', text: 'no python3 on PATH: functions in .py files cannot run here' }
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 5000 })
    return { state: 'fine', text: `${stdout.trim().toLowerCase()} (${file})` }
  } catch (error) {
    return { state: 'note', text: `${file} does not run: ${messageOf(error)}` }
  }
}

const setprivFinding = (): Finding => {
  if (process.platform !== 'linux') return { state: 'note', text: 'setpriv is for Linux: workers run without it here' }
  const file = lookUp('setpriv', process.env.PATH)
  if (file !== undefined)
    return { state: 'fine', text: `setpriv (${file}): workers gain no privileges and die with their agent` }
  return { state: 'note', text: 'no setpriv on PATH: workers run without it (Debian: apt-get install util-linux)' }
}

/** Whether a folder can be written, and how much fits. */
export const folderFinding = (name: string, folder: string): Finding => {
  try {
    rmdirSync(mkdtempSync(join(folder, 'manyhands-doctor-')))
    const { bavail, bsize } = statfsSync(folder)
    const free = bavail * bsize
    const text = `${name} ${folder} · writable · ${formatBytes(free)} free`
    return free < LOW_SPACE_BYTES ? { state: 'note', text: `${text}: little` } : { state: 'fine', text }
  } catch (error) {
    return { state: 'missing', text: `${name} ${folder} cannot be written: ${messageOf(error)}` }
  }
}

/** What a server's first words mean for us. */
export const serverFindings = (shown: string, info: ServerInfo): Finding[] => {
  const rtt = info.rttSeconds === undefined ? '' : ` · rtt ${formatSeconds(info.rttSeconds)}`
  const jetstream = info.jetstream ? 'on' : 'off'
  const head = `NATS ${shown} · server ${info.version} · JetStream ${jetstream}${rtt} · max payload ${formatBytes(info.limitBytes)}`
  const findings: Finding[] = []
  const good = info.jetstream && info.refusal === undefined && isAtLeast(info.version, LEAST_SERVER)
  findings.push({ state: good ? 'fine' : 'missing', text: head })
  if (info.refusal !== undefined) findings.push({ state: 'missing', text: `the server refuses us: ${info.refusal}` })
  if (!info.jetstream)
    findings.push({ state: 'missing', text: 'jobs are queued in JetStream: start the server with -js' })
  if (!isAtLeast(info.version, LEAST_SERVER)) {
    findings.push({
      state: 'missing',
      text: `server ${info.version} is too old: ${LEAST_SERVER.join('.')} or newer is needed`,
    })
  } else if (!isAtLeast(info.version, [2, 10])) {
    const text = `server ${info.version} drops newer stream options silently: what 2.10 added is not used with it`
    findings.push({ state: 'note', text })
  }
  return findings
}

const natsFindings = async (settings: Settings): Promise<Finding[]> => {
  if (!settings.has('nats')) {
    refuseReplicas(settings)
    return []
  }
  const nats = checkNats(settings)
  const probes = await Promise.all(nats.servers.map(server => probed(nats, server)))
  const isAnswered = probes.some(({ state }) => state === 'answered')
  const findings = probes.flatMap((probe): Finding[] =>
    // Of several one that answers is enough.
    probe.state === 'silent' ? [{ state: isAnswered ? 'note' : 'missing', text: probe.text }] : probe.findings,
  )
  if (!isAnswered || findings.some(({ state }) => state === 'missing')) return findings
  return [...findings, ...(await survivalOf(settings, nats))]
}

type Probe =
  | { readonly state: 'answered'; readonly findings: Finding[] }
  | { readonly state: 'silent'; readonly text: string }

const probed = async (nats: CheckedNats, server: string): Promise<Probe> => {
  const shown = `${nats.tls ? 'tls' : 'nats'}://${server}`
  try {
    return { state: 'answered', findings: serverFindings(shown, await probeNats(nats, server)) }
  } catch (error) {
    return { state: 'silent', text: `NATS ${shown} does not answer: ${messageOf(error)}` }
  }
}

const survivalOf = async (settings: Settings, nats: CheckedNats): Promise<Finding[]> => {
  const { surveyNats } = await import('../../proto/transport/nats-survey.js')
  const asked = { replicas: Number(settings.get('replicas') ?? 1), at: settings.at('replicas') }
  try {
    return survivalFindings(await surveyNats({ url: nats.url, insecure: settings.isOn('insecure') }), asked)
  } catch (error) {
    return [{ state: 'note', text: `what survives what could not be found out: ${messageOf(error)}` }]
  }
}

const natsServerFinding = (): Finding => {
  const file = lookUp('nats-server', process.env.PATH)
  if (file !== undefined) return { state: 'fine', text: `nats-server (${file}), for manyhands up` }
  return { state: 'note', text: 'no nats-server on PATH: manyhands up needs one (a cluster elsewhere does not)' }
}

const MARKS = { fine: ['green', '✓'], note: ['yellow', '!'], missing: ['red', '✗'] } as const

export const findingLine = ({ state, text }: Finding, paint: Paint): string => {
  const [style, mark] = MARKS[state]
  return `${paint(style, mark)} ${text}\n`
}

export const doctor: Command = async ({ settings }) => {
  const { openCacheFolder } = await import('../../agent/cache-folder.js')
  const folder = settings.get('cache')
  const cache = await openCacheFolder(folder === undefined ? {} : { folder }).then(
    found => folderFinding('cache folder', found),
    (error): Finding => ({ state: 'missing', text: messageOf(error) }),
  )
  const findings = [
    nodeFinding(process.versions.node),
    await slotsFinding(),
    await pythonFinding(),
    setprivFinding(),
    folderFinding('temporary folder', tmpdir()),
    cache,
    natsServerFinding(),
    ...(await natsFindings(settings)),
  ]
  const paint = paintFor(process.stdout, process.env)
  for (const finding of findings) process.stdout.write(findingLine(finding, paint))
  return findings.some(({ state }) => state === 'missing') ? EXIT.someFailed : EXIT.done
}
