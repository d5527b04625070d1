//! Front-ends that do what they should: negotiation, configuration, requests, frames.

use super::*;

#[test]
fn what_is_written_is_read_back_by_every_queue_and_by_the_next_client() {
    let server = Server::start(Mode::Model, vec![blk(2048, 3, false)]);
    let mut client = Client::running(server.connect(0), 3);
    assert_eq!(client.get(request::GET_QUEUE_NUM), 3);
    exercise(&mut client, 3);
    drop(client);
    let mut client = Client::running(server.connect(0), 3);
    assert_eq!(client.request(2, 0, 16, 4096), 0);
    assert!(client.read::<4096>(DATA) == pattern(0x11));
    drop(client);
    let store = std::fs::read(server.dir.path().join("blk-1.img")).unwrap();
    assert!(store[16 * 512..][..4096] == pattern(0x11));
    server.end();
}

#[test]
fn the_rtl_in_lockstep_works_on_a_clients_ring() {
    let server = Server::start(Mode::Lockstep, vec![blk(2048, 1, false)]);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    drop(client);
    server.end();
}

#[test]
fn a_client_discards_and_zeroes_parts_of_its_disk() {
    let server = Server::start(Mode::Model, vec![blk(2048, 1, false)]);
    let mut client = Client::running(server.connect(0), 1);
    client.write(DATA, &pattern(0x11));
    assert_eq!(client.request(0, 1, 8, 4096), 0);
    // One sector each of the eight, by DISCARD and WRITE_ZEROES.
    for (kind, sector) in [(11, 9_u64), (13, 14)] {
        client.write(DATA, &sector.to_le_bytes());
        client.write(DATA + 8, &1_u32.to_le_bytes());
        client.write(DATA + 12, &[0; 4]);
        assert_eq!(client.request(0, kind, 0, 16), 0);
    }
    assert_eq!(client.request(0, 0, 8, 4096), 0);
    let mut want = pattern(0x11);
    want[512..1024].fill(0);
    want[6 * 512..7 * 512].fill(0);
    assert!(client.read::<4096>(DATA) == want);
    drop(client);
    server.end();
}

#[test]
fn a_read_only_disk_says_so_and_keeps_its_bytes() {
    let server = Server::start(Mode::Model, vec![blk(2048, 1, true)]);
    let client = Client::new(server.connect(0), 1);
    assert_eq!(client.get(request::GET_FEATURES) >> F_BLK_RO & 1, 1);
    drop(client);
    server.end();
}

#[test]
fn the_configuration_and_the_features_are_those_of_the_device_without_platform_bits() {
    let server = Server::start(Mode::Model, vec![blk(2048, 2, false), net(1)]);
    let client = Client::new(server.connect(0), 1);
    let features = client.get(request::GET_FEATURES);
    assert_eq!(
        features,
        1 << 32 | 7 << 28 | 7 << 12 | 1 << 9 | 1 << 6 | 3 << 1
    );
    client.negotiate(features);
    let range = wire::ConfigRange {
        offset: 0,
        size: 96,
        flags: 0,
    };
    let body = [range.as_bytes(), &[0; 96]].concat();
    client.send(request::GET_CONFIG, &body, &[]);
    let config = client.reply(request::GET_CONFIG);
    assert_eq!(config.len(), 12 + 96);
    assert_eq!(config[12..20], 2048_u64.to_le_bytes());
    // As many of the largest segments as a request may have do not exceed the longest chain.
    assert_eq!(config[12 + 8..12 + 12], 65_536_u32.to_le_bytes());
    assert_eq!(config[12 + 12..12 + 16], 126_u32.to_le_bytes());
    assert_eq!(config[12 + 34..12 + 36], 2_u16.to_le_bytes());
    // DISCARD: 16 MiB a segment, 16 segments.
    assert_eq!(config[12 + 36..12 + 40], 32_768_u32.to_le_bytes());
    assert_eq!(config[12 + 40..12 + 44], 16_u32.to_le_bytes());
    client.send(
        request::GET_CONFIG,
        &[range.as_bytes(), &[0; 9]].concat(),
        &[],
    );
    assert!(client.reply(request::GET_CONFIG).is_empty());
    assert!(client.call(request::SET_CONFIG, &body, &[]).is_err());
    let net = Client::new(server.connect(1), 2);
    assert_eq!(net.get(request::GET_PROTOCOL_FEATURES) & wire::P_CONFIG, 0);
    assert_eq!(net.get(request::GET_FEATURES) >> 32, 1);
    server.end();
}

#[test]
fn a_ring_that_stops_goes_on_where_it_was_with_another_server() {
    let (first, second) = (Server::blk(), Server::blk());
    let mut client = Client::running(first.connect(0), 1);
    for n in 0..7 {
        client.write(DATA, &pattern(n));
        assert_eq!(client.request(0, 1, u64::from(n) * 8, 4096), 0);
    }
    // Two requests that the first server may have seen or not: each is carried out once, by one of them.
    client.prepare(0, 4, 0, 0);
    client.prepare(0, 1, 64, 512);
    client.kick(0);
    let base = client.base(0);
    assert_eq!(client.used(0), base as u16);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(client.used(0), base as u16, "a stopped ring stands still");
    client.socket = second.connect(0);
    client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
    client.table(BYTES).unwrap();
    client.ring(0, base);
    client.wait(0);
    assert_eq!(client.request(0, 0, 8, 4096), 0);
    first.end();
    second.end();
}

#[test]
fn enabling_before_bit_30_is_accepted_and_without_it_rings_start_enabled() {
    let server = Server::start(Mode::Model, vec![net(0), net(1)]);
    let mut ports: Vec<Client> = Vec::new();
    for n in 0..2 {
        let client = Client::new(server.connect(n), 2);
        client.negotiate(1 << 32);
        // As QEMU's netdev vhost-user does it.
        (0..2).for_each(|r| client.state(request::SET_VRING_ENABLE, r, 1).unwrap());
        let bit30 = if n == 0 { 0 } else { wire::F_PROTOCOL_FEATURES };
        let features = (1_u64 << 32) | bit30;
        client
            .call(request::SET_FEATURES, features.as_bytes(), &[])
            .unwrap();
        client.table(BYTES).unwrap();
        (0..2).for_each(|r| client.ring(r, 0));
        ports.push(client);
    }
    // A frame from each to the other: the first is flooded, the second goes where its address was learned.
    for (from, to) in [(0, 1), (1, 0)] {
        ports[to].chain(0, &[(GUEST + DATA, 1526, true)]);
        ports[to].kick(0);
        let mut frame = vec![0; 12 + 60];
        frame[12..18].copy_from_slice(&[2, 0, 0, 0, 0, to as u8]);
        frame[18..24].copy_from_slice(&[2, 0, 0, 0, 0, from as u8]);
        frame[24..].fill(0x5a + from as u8);
        ports[from].write(DATA + 4096, &frame);
        // The buffer must be there first: a packet never waits for it.
        std::thread::sleep(Duration::from_millis(50));
        ports[from].chain(1, &[(GUEST + DATA + 4096, 72, false)]);
        ports[from].kick(1);
        ports[from].wait(1);
        ports[to].wait(0);
        assert_eq!(ports[to].read::<60>(DATA + 12), frame[12..]);
    }
    drop(ports);
    server.end();
}

#[test]
fn an_uplink_is_behind_the_same_switch() {
    let server = Server::start(Mode::Lockstep, vec![net(0)]);
    let mut port = Client::running(server.connect(0), 2);
    let mut uplink = UnixStream::connect(server.dir.path().join("uplink")).unwrap();
    uplink.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut frame = [0x3c; 60];
    frame[..12].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1]);
    port.write(DATA + 4096, &[&[0; 12], &frame[..]].concat());
    // Until the server has heard of its client, frames for it go nowhere.
    let mut fds_ready = false;
    while !fds_ready {
        port.chain(1, &[(GUEST + DATA + 4096, 72, false)]);
        port.kick(1);
        port.wait(1);
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let mut fds = [PollFd::new(&uplink, PollFlags::IN)];
        fds_ready = poll(&mut fds, Some(&time)).unwrap() > 0;
    }
    assert_eq!(Frame::receive(&uplink).unwrap().0, frame);
    port.chain(0, &[(GUEST + DATA, 1526, true)]);
    port.kick(0);
    // The buffer must be there first.
    std::thread::sleep(Duration::from_millis(50));
    frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9]);
    uplink.write_all(&framed(&frame)).unwrap();
    port.wait(0);
    assert_eq!(port.read::<60>(DATA + 12), frame);
    drop(port);
    server.end();
}
