// A process of the simulation: it can be frozen, thawed and killed. In: whatever reaches it. Out: the same, while it runs.
// Always true: what reaches a frozen process is done when it thaws, in the order of arrival; a dead one does nothing.

export class Process {
  #state: 'running' | 'frozen' | 'dead' = 'running'
  #backlog: (() => void)[] = []

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  do(act: () => void): void {
    if (this.#state === 'running') act()
    else if (this.#state === 'frozen') this.#backlog.push(act)
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    const backlog = this.#backlog
    this.#backlog = []
    for (const act of backlog) this.do(act)
  }

  kill(): void {
    this.#state = 'dead'
    this.#backlog = []
  }
}
