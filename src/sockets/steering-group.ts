/**
 * The order of the sockets that listen on one port, as the kernel keeps it: a new member comes last, and when
 * one leaves, the last takes its place (net/core/sock_reuseport.c). Members are named by inode.
 */
export class SteeringGroup {
  #members: readonly number[] = [];

  get members(): readonly number[] {
    return this.#members;
  }

  /** `undefined` when it is no member. */
  indexOf(member: number): number | undefined {
    const index = this.#members.indexOf(member);
    return index === -1 ? undefined : index;
  }

  join(member: number): void {
    if (!this.#members.includes(member)) this.#members = [...this.#members, member];
  }

  leave(member: number): void {
    const index = this.#members.indexOf(member);
    if (index === -1) return;
    const last = this.#members.at(-1) ?? member;
    this.#members = this.#members.slice(0, -1).map((each) => (each === member ? last : each));
  }

  /**
   * Takes in what the kernel lists: members nobody told us of come last, and those that are gone leave.
   *
   * @returns the members that are new here.
   */
  reconcile(listed: readonly number[]): readonly number[] {
    for (const gone of this.#members.filter((member) => !listed.includes(member))) this.leave(gone);
    const strangers = listed.filter((inode) => !this.#members.includes(inode));
    for (const stranger of strangers) this.join(stranger);
    return strangers;
  }
}
