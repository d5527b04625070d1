//! Memory that changes or goes away under a front-end.

use super::*;

#[test]
fn rings_go_on_over_changes_of_memory_and_enabling() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    // Memory changes under a running ring, as firmware does it.
    client.table(BYTES).unwrap();
    exercise(&mut client, 1);
    let slot = |guest, user, size| {
        let region = MemRegion {
            guest,
            size,
            user,
            offset: 0,
        };
        wire::MemSlot { padding: 0, region }
    };
    let extra = slot(1 << 32, USER + (1 << 32), 0x2000);
    let fd = [client.memory.as_fd()];
    client
        .call(request::ADD_MEM_REG, extra.as_bytes(), &fd)
        .unwrap();
    assert!(client
        .call(request::ADD_MEM_REG, extra.as_bytes(), &fd)
        .is_err());
    client
        .call(request::REM_MEM_REG, extra.as_bytes(), &[])
        .unwrap();
    assert!(client
        .call(request::REM_MEM_REG, extra.as_bytes(), &[])
        .is_err());
    assert!(client.get(request::GET_MAX_MEM_SLOTS) > 64);
    exercise(&mut client, 1);
    client.state(request::SET_VRING_ENABLE, 0, 0).unwrap();
    client.prepare(0, 4, 0, 0);
    client.kick(0);
    std::thread::sleep(Duration::from_millis(20));
    assert_ne!(client.used(0), client.next[0], "disabled");
    client.state(request::SET_VRING_ENABLE, 0, 1).unwrap();
    client.wait(0);
    // After a reset it begins again.
    client.call(request::RESET_DEVICE, &[], &[]).unwrap();
    client.write(0, &[0; 0x3000]);
    client.next[0] = 0;
    client
        .call(request::SET_FEATURES, (1_u64 << 32).as_bytes(), &[])
        .unwrap();
    client.ring(0, 0);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_client_whose_memory_file_was_cut_is_sent_away() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    // A stopped ring: the device does not look at the memory any more.
    client.base(0);
    client.memory.set_len(0x1000).unwrap();
    client.send(request::GET_FEATURES, &[], &[]);
    assert!(client.is_sent_away());
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}
