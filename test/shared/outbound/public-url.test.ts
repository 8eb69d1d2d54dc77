import { describe, expect, it } from 'vitest';
import { publicUrl } from '../../../shared/outbound/public-url.ts';

describe('a hostile address is refused before anything is looked up:', () => {
  it.each([
    // Schemes.
    ['http://receiver.example/hook', 'NOT_HTTPS'],
    ['http://127.0.0.1/hook', 'NOT_HTTPS'],
    ['ftp://receiver.example/hook', 'NOT_HTTPS'],
    ['file:///etc/passwd', 'NOT_HTTPS'],
    ['gopher://127.0.0.1:6379/_INFO', 'NOT_HTTPS'],
    ['data:text/plain,x', 'NOT_HTTPS'],
    ['//receiver.example/hook', 'NOT_HTTPS'],
    ['receiver.example/hook', 'NOT_HTTPS'],
    ['', 'NOT_HTTPS'],
    ['https://', 'NOT_HTTPS'],
    // Who is asked for.
    ['https://user@receiver.example/', 'USER_INFO'],
    ['https://user:secret@receiver.example/', 'USER_INFO'],
    ['https://receiver.example@127.0.0.1/', 'USER_INFO'],
    ['https://receiver.example:443@10.0.0.1/', 'USER_INFO'],
    ['https://:@receiver.example/', undefined],
    // Ports.
    ['https://receiver.example:22/', 'PORT'],
    ['https://receiver.example:25/', 'PORT'],
    ['https://receiver.example:80/', 'PORT'],
    ['https://receiver.example:1023/', 'PORT'],
    ['https://receiver.example:0/', 'PORT'],
    ['https://receiver.example:65536/', 'NOT_HTTPS'],
    ['https://receiver.example:443/', undefined],
    ['https://receiver.example:1024/', undefined],
    ['https://receiver.example:8443/', undefined],
    // 127.0.0.1, written otherwise.
    ['https://127.0.0.1/', 'NOT_PUBLIC'],
    ['https://127.0.0.1./', 'NOT_PUBLIC'],
    ['https://127.1/', 'NOT_PUBLIC'],
    ['https://2130706433/', 'NOT_PUBLIC'],
    ['https://0x7f000001/', 'NOT_PUBLIC'],
    ['https://0x7f.1/', 'NOT_PUBLIC'],
    ['https://0177.0.0.1/', 'NOT_PUBLIC'],
    ['https://017700000001/', 'NOT_PUBLIC'],
    ['https://0x7f.0.0.0x1./', 'NOT_PUBLIC'],
    ['https://%31%32%37.0.0.1/', 'NOT_PUBLIC'],
    ['https://①②⑦.0.0.1/', 'NOT_PUBLIC'],
    ['https://１２７.０.０.１/', 'NOT_PUBLIC'],
    ['https://127。0。0。1/', 'NOT_PUBLIC'],
    ['https://127.0.0.1/', 'NOT_PUBLIC'],
    ['https:\\\\127.0.0.1\\hook', 'NOT_PUBLIC'],
    ['https:127.0.0.1/', 'NOT_PUBLIC'],
    ['\thttps://127.0.0.\n1/', 'NOT_PUBLIC'],
    ['https://0/', 'NOT_PUBLIC'],
    ['https://0.0.0.0/', 'NOT_PUBLIC'],
    ['https://127.0.0.1.1/', 'NOT_HTTPS'],
    ['https://256.0.0.1/', 'NOT_HTTPS'],
    // Networks of our own, and those of the cloud.
    ['https://10.0.0.1/', 'NOT_PUBLIC'],
    ['https://172.16.0.1/', 'NOT_PUBLIC'],
    ['https://192.168.0.1/', 'NOT_PUBLIC'],
    ['https://100.64.0.1/', 'NOT_PUBLIC'],
    ['https://169.254.169.254/latest/meta-data/', 'NOT_PUBLIC'],
    ['https://2852039166/latest/meta-data/', 'NOT_PUBLIC'],
    ['https://0xa9fea9fe/latest/meta-data/', 'NOT_PUBLIC'],
    ['https://169.254.170.2/v2/credentials', 'NOT_PUBLIC'],
    ['https://224.0.0.1/', 'NOT_PUBLIC'],
    ['https://255.255.255.255/', 'NOT_PUBLIC'],
    ['https://8.8.8.8/', undefined],
    // IPv6.
    ['https://[::1]/', 'NOT_PUBLIC'],
    ['https://[0:0:0:0:0:0:0:1]/', 'NOT_PUBLIC'],
    ['https://[::]/', 'NOT_PUBLIC'],
    ['https://[::ffff:127.0.0.1]/', 'NOT_PUBLIC'],
    ['https://[::ffff:7f00:1]/', 'NOT_PUBLIC'],
    ['https://[::ffff:169.254.169.254]/', 'NOT_PUBLIC'],
    ['https://[::ffff:0:127.0.0.1]/', 'NOT_PUBLIC'],
    ['https://[::127.0.0.1]/', 'NOT_PUBLIC'],
    ['https://[64:ff9b::127.0.0.1]/', 'NOT_PUBLIC'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'NOT_PUBLIC'],
    ['https://[64:ff9b:1::a00:1]/', 'NOT_PUBLIC'],
    ['https://[2002:7f00:1::]/', 'NOT_PUBLIC'],
    ['https://[2001:0:7f00:1::]/', 'NOT_PUBLIC'],
    ['https://[fe80::1]/', 'NOT_PUBLIC'],
    ['https://[fe80::1%25eth0]/', 'NOT_HTTPS'],
    ['https://[fe80::1%eth0]/', 'NOT_HTTPS'],
    ['https://[fec0::1]/', 'NOT_PUBLIC'],
    ['https://[fd00:ec2::254]/', 'NOT_PUBLIC'],
    ['https://[ff02::1]/', 'NOT_PUBLIC'],
    ['https://[2001:db8::1]/', 'NOT_PUBLIC'],
    ['https://[2606:4700::1111]/', undefined],
    // Names of no public network.
    ['https://localhost/', 'NOT_PUBLIC'],
    ['https://localhost./', 'NOT_PUBLIC'],
    ['https://LOCALHOST/', 'NOT_PUBLIC'],
    ['https://ⓛocalhost/', 'NOT_PUBLIC'],
    ['https://a.localhost/', 'NOT_PUBLIC'],
    ['https://metadata.google.internal/', 'NOT_PUBLIC'],
    ['https://printer.local/', 'NOT_PUBLIC'],
    ['https://localhost.receiver.example/', undefined],
    ['https://receiver.example./hook?a=b#c', undefined],
  ])('%s → %s', (address, code) => {
    if (code === undefined) expect(publicUrl(address).url.protocol).toBe('https:');
    else expect(() => publicUrl(address)).toThrow(expect.objectContaining({ code, passing: false }));
  });
});

describe('where this machine’s own addresses are allowed', () => {
  it.each(['http://127.0.0.1:80/hook', 'http://127.1:4571/', 'http://[::1]/', 'https://127.0.0.1:8443/'])(
    '%s may be posted to',
    (address) => {
      expect(publicUrl(address, { allowLoopback: true }).url.href).toContain('://');
    },
  );

  it.each([
    ['http://receiver.example/', 'NOT_HTTPS'],
    ['http://10.0.0.1/', 'NOT_HTTPS'],
    ['http://169.254.169.254/', 'NOT_HTTPS'],
    ['http://localhost/', 'NOT_HTTPS'],
    ['https://10.0.0.1/', 'NOT_PUBLIC'],
    ['https://0.0.0.0/', 'NOT_PUBLIC'],
    ['https://[::ffff:10.0.0.1]/', 'NOT_PUBLIC'],
    ['http://user@127.0.0.1/', 'USER_INFO'],
  ])('%s may not', (address, code) => {
    expect(() => publicUrl(address, { allowLoopback: true })).toThrow(expect.objectContaining({ code }));
  });
});
