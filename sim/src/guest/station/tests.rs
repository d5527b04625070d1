//! The station against a peer on the other end of its socket.

use std::io::Write;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant as WallInstant;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet,
    Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr,
};

use super::*;

const PEER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PEER_ADDRESS: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);

fn pair() -> (Station, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    b.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (Station::start(a).unwrap(), b)
}

fn ethernet(to: EthernetAddress, kind: EthernetProtocol, payload: usize) -> Vec<u8> {
    let mut frame = EthernetFrame::new_unchecked(vec![0; 14 + payload]);
    frame.set_dst_addr(to);
    frame.set_src_addr(PEER);
    frame.set_ethertype(kind);
    frame.into_inner()
}

fn arp() -> Vec<u8> {
    let request = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: PEER,
        source_protocol_addr: PEER_ADDRESS,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: ADDRESS,
    };
    let mut frame = ethernet(EthernetAddress::BROADCAST, EthernetProtocol::Arp, 28);
    request.emit(&mut ArpPacket::new_unchecked(&mut frame[14..]));
    frame
}

#[test]
fn it_answers_arp_and_ping() {
    let (_station, mut socket) = pair();
    socket.write_all(&framed(&arp())).unwrap();
    let reply = Frame::receive(&socket).unwrap().0;
    assert_eq!((&reply[..6], &reply[6..12]), (&PEER.0[..], &MAC.0[..]));
    let data = [0xa5; 1472];
    let echo = Icmpv4Repr::EchoRequest {
        ident: 1,
        seq_no: 2,
        data: &data,
    };
    let ip = Ipv4Repr {
        src_addr: PEER_ADDRESS,
        dst_addr: ADDRESS,
        next_header: IpProtocol::Icmp,
        payload_len: echo.buffer_len(),
        hop_limit: 64,
    };
    let checksums = smoltcp::phy::ChecksumCapabilities::default();
    let mut frame = ethernet(MAC, EthernetProtocol::Ipv4, 20 + echo.buffer_len());
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &checksums);
    echo.emit(
        &mut Icmpv4Packet::new_unchecked(&mut frame[34..]),
        &checksums,
    );
    socket.write_all(&framed(&frame)).unwrap();
    let reply = Frame::receive(&socket).unwrap().0;
    assert_eq!(reply.len(), FRAME);
    let reply = Icmpv4Packet::new_checked(&reply[34..]).unwrap();
    assert_eq!(reply.msg_type(), Icmpv4Message::EchoReply);
    assert!(reply.verify_checksum());
    assert_eq!(reply.data(), data);
}

static NEXT_PORT: AtomicU16 = AtomicU16::new(50_000);

/// Sends `bytes` to a service, all of it before anything is read, closes and returns what comes back.
fn exchange(socket: UnixStream, port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut link = Link::new(socket);
    let mut iface = Interface::new(Config::new(PEER.into()), &mut link, Instant::now());
    iface.update_ip_addrs(|a| {
        a.push(IpCidr::new(IpAddress::Ipv4(PEER_ADDRESS), PREFIX))
            .unwrap();
    });
    let buffer = || SocketBuffer::new(vec![0; 4096]);
    let mut tcp = Socket::new(buffer(), buffer());
    // The last acknowledgement is out before this end is gone; without it the service would keep the connection.
    tcp.set_ack_delay(None);
    // A port of its own: what a former connection still says must not meet this one.
    let local = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    tcp.connect(iface.context(), (ADDRESS, port), local)
        .unwrap();
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(tcp);
    let (mut sent, mut back) = (0, Vec::new());
    let start = WallInstant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(20), "{sent} sent");
        iface.poll(Instant::now(), &mut link, &mut sockets);
        let tcp = sockets.get_mut::<Socket<'_>>(handle);
        if sent < bytes.len() && tcp.can_send() {
            sent += tcp.send_slice(&bytes[sent..]).unwrap();
        } else if sent == bytes.len() {
            tcp.close();
            while tcp.can_recv() {
                tcp.recv(|b| (b.len(), back.extend_from_slice(b))).unwrap();
            }
        }
        if tcp.state() == State::Closed && sent == 0 {
            // All connections of the service were busy.
            let local = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
            tcp.connect(iface.context(), (ADDRESS, port), local)
                .unwrap();
        } else if matches!(tcp.state(), State::TimeWait | State::Closed) {
            return back;
        }
        link.is_ready(StackDuration::from_millis(1));
    }
}

#[test]
fn the_echo_service_sends_all_back_and_the_discard_service_nothing_each_to_many_in_turn() {
    let (_station, socket) = pair();
    let bytes: Vec<u8> = (0..BUFFER).map(|n| (n % 251) as u8).collect();
    for _ in 0..=CONNECTIONS {
        let ours = || socket.try_clone().unwrap();
        assert!(exchange(ours(), 7, &bytes) == bytes);
        assert!(exchange(ours(), 9, &bytes).is_empty());
    }
}

#[test]
fn it_ends_when_dropped_and_with_the_uplink() {
    let (station, socket) = pair();
    drop(station);
    assert!(Frame::receive(&socket).is_err());
    let (mut station, socket) = pair();
    (&socket).write_all(&[0xff; 4]).unwrap();
    station.thread.take().unwrap().join().unwrap();
}
