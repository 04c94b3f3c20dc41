// Hosts on one machine: network namespaces, joined with each other and the root namespace by one bridge.
// In: a number of hosts. Out: their addresses, a way to run commands in them, and to pull and plug their cables.
// Always true: a pulled cable tells nobody (no reset, no end), as between real hosts; close() removes all that was made.
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { programOf } from './debian.js'

const run = promisify(execFile)

export interface NetnsHost {
  readonly name: string
  /** The host's own address. */
  readonly address: string
  /** The root namespace's address as this host sees it: where a server in the root namespace is reached. */
  readonly gateway: string
  /** A command in this host; its process id is the command's own. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Pulls the cable: packets vanish in both directions. */
  linkDown(): Promise<void>
  linkUp(): Promise<void>
}

export interface Netns {
  readonly hosts: readonly NetnsHost[]
  close(): Promise<void>
}

const ip = async (...args: string[]): Promise<void> => {
  await run('ip', args)
}

/** Makes `count` hosts that reach each other and the root namespace, and nobody else. */
export const createNetns = async (count: number): Promise<Netns> => {
  if (process.platform !== 'linux') throw new Error('network namespaces need Linux: run this test there')
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run this test as root')
  await programOf('ip', 'iproute2')
  // Test processes run side by side: names and addresses come from the process id, in the range kept for benchmarks.
  const id = process.pid % 512
  const net = `198.${18 + (id >> 8)}.${id & 255}`
  const bridge = `mhb${process.pid}`
  const names: string[] = []
  const close = async (): Promise<void> => {
    // With a namespace its device goes, and with a device its peer.
    for (const name of names.splice(0).reverse()) await ip('netns', 'delete', name).catch(() => {})
    await ip('link', 'delete', bridge).catch(() => {})
  }
  const hosts: NetnsHost[] = []
  try {
    await ip('link', 'add', bridge, 'type', 'bridge')
    await ip('address', 'add', `${net}.1/24`, 'dev', bridge)
    await ip('link', 'set', bridge, 'up')
    for (let index = 0; index < count; index++) {
      const name = `mh${process.pid}-${index}`
      await ip('netns', 'add', name)
      names.push(name)
      hosts.push(await plug(name, bridge, index, net))
    }
  } catch (error) {
    await close()
    throw new Error(`a network namespace could not be made: ${(error as Error).message.trim()}`, { cause: error })
  }
  return { hosts, close }
}

/** Gives the namespace a device on the bridge. */
const plug = async (name: string, bridge: string, index: number, net: string): Promise<NetnsHost> => {
  const outside = `mho${process.pid}-${index}`
  const inside = `mhi${process.pid}-${index}`
  const address = `${net}.${index + 2}`
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name)
  await ip('link', 'set', outside, 'master', bridge, 'up')
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', inside)
  await ip('-n', name, 'link', 'set', inside, 'up')
  await ip('-n', name, 'link', 'set', 'lo', 'up')
  return {
    name,
    address,
    gateway: `${net}.1`,
    // `ip netns exec` becomes the command, so that signals reach it.
    spawn: (command, args, options = {}) => spawn('ip', ['netns', 'exec', name, command, ...args], options),
    linkDown: () => ip('-n', name, 'link', 'set', inside, 'down'),
    linkUp: () => ip('-n', name, 'link', 'set', inside, 'up'),
  }
}
