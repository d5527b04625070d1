//! Front-ends that do what they should not.

use super::*;

#[test]
fn what_makes_no_sense_is_refused_and_the_client_may_go_on() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let state = |c: &Client, what, index, num| c.state(what, index, num).is_err();
    for num in [0, 1, 3, 512, 1 << 16, u32::MAX] {
        assert!(state(&client, request::SET_VRING_NUM, 0, num), "{num}");
    }
    assert!(
        state(&client, request::SET_VRING_NUM, 1, 16),
        "no such ring"
    );
    assert!(state(&client, request::SET_VRING_BASE, 0, 1 << 16));
    assert!(state(&client, request::SET_VRING_ENABLE, 0, 2));
    assert!(client
        .call(request::SET_FEATURES, u64::MAX.as_bytes(), &[])
        .is_err());
    assert!(client.call(request::SET_FEATURES, &[1; 7], &[]).is_err());
    assert!(client.call(77, &[], &[]).is_err());
    let logged = VringAddr {
        flags: 1,
        ..Client::addr(0)
    };
    assert!(client
        .call(request::SET_VRING_ADDR, logged.as_bytes(), &[])
        .is_err());
    let no_fd = wire::VRING_NO_FD;
    assert!(client
        .call(request::SET_VRING_KICK, no_fd.as_bytes(), &[])
        .is_err());
    assert!(client
        .call(request::SET_VRING_KICK, 0_u64.as_bytes(), &[])
        .is_err());
    exercise(&mut client, 1);
    // Regions: beyond the file, empty, wrapping, odd, and more than there are files.
    for (guest, size, user, offset) in [
        (0, BYTES + 4096, 0, 0),
        (0, BYTES, 0, 4096),
        (0, 0, 0, 0),
        (u64::MAX - 4095, 4096, 0, 0),
        (1 << 60, 4096, 0, 0),
        (0, 4096, u64::MAX, 0),
        (0, 4096, 0, u64::MAX),
        (12, 4096, 0, 0),
        (GUEST + 4096, 4096, 0, 0),
    ] {
        let region = MemRegion {
            guest,
            size,
            user,
            offset,
        };
        let slot = wire::MemSlot { padding: 0, region };
        let fd = [client.memory.as_fd()];
        assert!(
            client
                .call(request::ADD_MEM_REG, slot.as_bytes(), &fd)
                .is_err(),
            "{region:?}"
        );
    }
    let body = [[2_u32, 0].as_bytes(), Client::region(BYTES).as_bytes()].concat();
    assert!(client
        .call(request::SET_MEM_TABLE, &body, &[client.memory.as_fd()])
        .is_err());
    exercise(&mut client, 1);
    // A ring outside the memory, and one that is not aligned.
    for desc in [0x1000, USER + 8] {
        let lost = VringAddr {
            desc,
            ..Client::addr(0)
        };
        assert!(client
            .call(request::SET_VRING_ADDR, lost.as_bytes(), &[])
            .is_err());
    }
    client
        .call(request::SET_VRING_ADDR, Client::addr(0).as_bytes(), &[])
        .unwrap();
    client.kick(0);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_client_that_breaks_the_protocol_is_sent_away_and_the_next_works() {
    let server = Server::blk();
    let header = |request: u32, flags: u32, size: u32| Header {
        request,
        flags,
        size,
    };
    let broken: Vec<Vec<u8>> = vec![
        header(1, 0, 0).as_bytes().to_vec(),
        header(1, 5, 0).as_bytes().to_vec(),
        header(1, 1, u32::MAX).as_bytes().to_vec(),
        header(u32::MAX, 1, 0).as_bytes().to_vec(),
        header(request::SET_MEM_TABLE, 1, 3)
            .as_bytes()
            .iter()
            .copied()
            .chain([0; 3])
            .collect(),
        header(request::SET_FEATURES, 1, 8)
            .as_bytes()
            .iter()
            .copied()
            .chain([255; 8])
            .collect(),
        (0..200).map(|n| (n * 89) as u8).collect(),
    ];
    for bytes in broken {
        let client = Client::new(server.connect(0), 1);
        (&client.socket).write_all(&bytes).unwrap();
        assert!(client.is_sent_away(), "{bytes:?}");
    }
    // One that goes in the middle of a message, one that goes with requests under way, and one too many.
    let client = Client::new(server.connect(0), 1);
    (&client.socket).write_all(&[1, 0, 0]).unwrap();
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    assert!(Client::new(server.connect(0), 1).is_sent_away());
    for _ in 0..4 {
        client.prepare(0, 1, 0, 4096);
    }
    client.kick(0);
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_ring_that_points_nowhere_is_a_fault_that_ends_with_the_client() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let err = eventfds(1).remove(0);
    client.descriptor(request::SET_VRING_ERR, 0, &err).unwrap();
    exercise(&mut client, 1);
    client.chain(0, &[(GUEST + (1 << 33), 16, false)]);
    client.kick(0);
    let mut fds = [PollFd::new(&err, PollFlags::IN)];
    let time = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    assert_eq!(poll(&mut fds, Some(&time)), Ok(1), "the error is told");
    // Started anew, the ring works; the chain that failed is passed over by its base.
    client.base(0);
    let next = client.next[0];
    client.write(USED + 2, &next.to_le_bytes());
    client.ring(0, next.into());
    exercise(&mut client, 1);
    // And so it does when the client goes with the fault.
    client.chain(0, &[(1, u32::MAX, false)]);
    client.kick(0);
    assert_eq!(
        poll(&mut [PollFd::new(&err, PollFlags::IN)], Some(&time)),
        Ok(1)
    );
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn descriptors_that_are_no_eventfds_do_not_hold_the_device() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    client
        .descriptor(request::SET_VRING_CALL, 0, &writer)
        .unwrap();
    client
        .descriptor(request::SET_VRING_KICK, 0, &reader)
        .unwrap();
    // A pipe that is full, then one that is closed at the other end.
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[0; 4096]).is_ok() {}
    client.prepare(0, 4, 0, 0);
    let start = Instant::now();
    while client.used(0) != client.next[0] {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(writer);
    let (kick, call) = (eventfds(1).remove(0), eventfds(1).remove(0));
    client
        .descriptor(request::SET_VRING_CALL, 0, &call)
        .unwrap();
    client
        .descriptor(request::SET_VRING_KICK, 0, &kick)
        .unwrap();
    (client.kicks[0], client.calls[0]) = (kick, call);
    exercise(&mut client, 1);
    server.end();
}
