// CPU that a worker used. In: the system's counters. Out: seconds, ascending.
import { readFileSync } from 'node:fs'

// The user's code may put its own in their places.
const { cpuUsage } = process
const { performance } = globalThis

/** Of this process, all its threads. */
export const ownCpuSeconds = (): number => {
  const { user, system } = cpuUsage.call(process)
  return (user + system) / 1e6
}

/** Of its children that have ended and were waited for, where the system tells (in ticks of 10 ms). */
export const childrenCpuSeconds = (): number => {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[13]) + Number(fields[14])) / 100
  } catch {
    return 0
  }
}

/** Reading what children used costs 20 us. */
const CHILDREN_SECONDS = 0.05
let childrenSeconds = 0
let readAtSeconds = Number.NEGATIVE_INFINITY

/** Of this process and, as far as was looked lately, of what it started. */
export const workerCpuSeconds = (): number => {
  const nowSeconds = performance.now() / 1000
  if (nowSeconds - readAtSeconds >= CHILDREN_SECONDS) {
    readAtSeconds = nowSeconds
    childrenSeconds = childrenCpuSeconds()
  }
  return ownCpuSeconds() + childrenSeconds
}
