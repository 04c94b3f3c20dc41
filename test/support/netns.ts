// Hosts on one machine: network namespaces, each joined to the root namespace by a pair of virtual Ethernet devices.
// In: a number of hosts. Out: their addresses, a way to run commands in them, and to pull and plug their cables.
// Always true: a pulled cable tells nobody (no reset, no end), as between real hosts; close() removes all that was made.
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { promisify } from 'node:util'

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

/** Makes `count` hosts that reach the root namespace and, through it, nobody else. */
export const createNetns = async (count: number): Promise<Netns> => {
  if (process.platform !== 'linux') throw new Error('network namespaces need Linux: run this test there')
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run this test as root')
  await run('ip', ['-Version']).catch(() => {
    throw new Error(
      'network namespaces need the ip command: install iproute2 (Debian and Ubuntu: apt-get install iproute2)',
    )
  })
  const made: string[] = []
  const close = async (): Promise<void> => {
    // With a namespace its device goes, and with a device its peer.
    for (const name of made.splice(0).reverse()) await ip('netns', 'delete', name).catch(() => {})
  }
  const hosts: NetnsHost[] = []
  try {
    for (let i = 0; i < count; i++) hosts.push(await createHost(i, made))
  } catch (error) {
    await close()
    throw new Error(`a network namespace could not be made: ${(error as Error).message.trim()}`, { cause: error })
  }
  return { hosts, close }
}

const createHost = async (index: number, made: string[]): Promise<NetnsHost> => {
  // Test processes run side by side: names and addresses come from the process id, in a range kept for benchmarks.
  const id = (process.pid * 16 + index) % 32_768
  const name = `mh${process.pid}-${index}`
  const outside = `mho${id}`
  const inside = `mhi${id}`
  const block = id * 4
  const net = `198.${18 + (block >> 16)}.${(block >> 8) & 255}`
  const gateway = `${net}.${(block & 255) + 1}`
  const address = `${net}.${(block & 255) + 2}`
  await ip('netns', 'add', name)
  made.push(name)
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name)
  await ip('address', 'add', `${gateway}/30`, 'dev', outside)
  await ip('link', 'set', outside, 'up')
  await ip('-n', name, 'address', 'add', `${address}/30`, 'dev', inside)
  await ip('-n', name, 'link', 'set', inside, 'up')
  await ip('-n', name, 'link', 'set', 'lo', 'up')
  return {
    name,
    address,
    gateway,
    // `ip netns exec` becomes the command, so that signals reach it.
    spawn: (command, args, options = {}) => spawn('ip', ['netns', 'exec', name, command, ...args], options),
    linkDown: () => ip('-n', name, 'link', 'set', inside, 'down'),
    linkUp: () => ip('-n', name, 'link', 'set', inside, 'up'),
  }
}
