import { describe, expect, it } from 'vitest';
import { isLoopback, isPublicAddress } from '../../../shared/outbound/public-address.ts';

describe('an address', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.0.1',
    '2606:4700::1111',
    '2a00:1450:4001::1',
  ])('of the internet is public: %s', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each([
    ['this host', '0.0.0.0'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['of a carrier', '100.64.0.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['of the cloud’s metadata', '169.254.169.254'],
    ['documentation', '192.0.2.1'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['link-local', 'fe80::1'],
    ['link-local with its zone', 'fe80::1%eth0'],
    ['unique local', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['IPv4 in disguise', '::ffff:127.0.0.1'],
    ['IPv4 in disguise', '::ffff:8.8.8.8'],
    ['IPv4 in disguise', '::127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:1::1'],
    ['documentation', '2001:db8::1'],
    ['no address', 'example.com'],
    ['no address', '127.1'],
    ['no address', '0x7f.0.0.1'],
    ['no address', ''],
  ])('that is none of the internet is not: %s (%s)', (_what, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it('of this machine is known as such', () => {
    expect(['127.0.0.1', '127.8.8.8', '::1'].every(isLoopback)).toBe(true);
    expect(['128.0.0.1', '::2', 'localhost', '127.0.0.1.example.com'].some(isLoopback)).toBe(false);
  });
});
