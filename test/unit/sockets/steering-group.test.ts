import { describe, expect, it } from 'vitest';
import { SteeringGroup } from '../../../src/sockets/steering-group.ts';

describe('a steering group', () => {
  it('puts the last member in the place of one that leaves, as the kernel does', () => {
    const group = new SteeringGroup();
    for (const member of [11, 22, 33]) group.join(member);
    group.leave(11);
    expect(group.members).toEqual([33, 22]);
    expect(group.indexOf(33)).toBe(0);
    group.leave(22);
    expect(group.members).toEqual([33]);
    group.leave(33);
    expect(group.members).toEqual([]);
    expect(group.indexOf(33)).toBeUndefined();
  });

  it('ignores joining twice and leaving without having joined', () => {
    const group = new SteeringGroup();
    group.join(11);
    group.join(11);
    group.leave(99);
    expect(group.members).toEqual([11]);
  });

  it('takes in strangers that the kernel lists, behind the members it knew, and drops who is gone', () => {
    const group = new SteeringGroup();
    group.join(11);
    group.join(22);
    expect(group.reconcile([44, 22, 11])).toEqual([44]);
    expect(group.members).toEqual([11, 22, 44]);
    expect(group.reconcile([44, 22])).toEqual([]);
    expect(group.members).toEqual([44, 22]);
  });
});
