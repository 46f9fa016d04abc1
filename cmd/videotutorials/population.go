package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"videotutorials/internal/media"
	"videotutorials/messagestore"
	"videotutorials/messagestore/contract"
	identityv1 "videotutorials/proto/identity/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// A population generates users, their videos and their viewings from a seed.
type population struct {
	seed          uint64
	users, videos []uuid.UUID
	random        *rand.Rand
	// popular returns the random index of a video.
	popular *rand.Zipf
}

// zipf is the exponent of the distribution of viewings: with 1.1 the first of 1,000
// videos has a seventh of them, which is realistic.
const zipf = 1.1

// newPopulation returns the population of the seed. The first users are the same for
// any number of users; videos and viewings depend on both numbers.
func newPopulation(seed, users, videos uint64) population {
	p := population{seed: seed}
	p.users = ids(rand.New(rand.NewPCG(seed, 0)), users)           //nolint:gosec // must be repeatable
	p.random = rand.New(rand.NewPCG(seed, users<<32|videos|1<<63)) //nolint:gosec // likewise
	p.videos = ids(p.random, videos)
	p.popular = rand.NewZipf(p.random, zipf, 1, max(1, videos)-1)
	return p
}

// ids returns n random UUIDs of version 4.
func ids(random *rand.Rand, n uint64) []uuid.UUID {
	all := make([]uuid.UUID, n)
	for i := range all {
		id := &all[i]
		binary.BigEndian.PutUint64(id[:8], random.Uint64())
		binary.BigEndian.PutUint64(id[8:], random.Uint64())
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
	}
	return all
}

func (p population) email(user int) string {
	return fmt.Sprintf("user-%d-%d@example.com", p.seed, user+1)
}

// owner returns the user who publishes the video.
func (p population) owner(video int) uuid.UUID { return p.users[video%len(p.users)] }

func (p population) register(i int) (messagestore.Write, error) {
	user := p.users[i].String()
	return p.write("register", i, user, &user, &identityv1.Register{UserId: user, Email: p.email(i), PasswordHash: populateHash})
}

func (p population) publish(i int) (messagestore.Write, error) {
	owner, video := p.owner(i).String(), p.videos[i].String()
	return p.write("publish", i, video, &owner, &videopublishingv1.PublishVideo{
		OwnerId: owner, SourceUri: media.UploadURI(p.videos[i]), VideoId: video,
	})
}

func (p population) name(i int) (messagestore.Write, error) {
	owner, video := p.owner(i).String(), p.videos[i].String()
	return p.write("name", i, video, &owner, &videopublishingv1.NameVideo{VideoId: video, Name: fmt.Sprintf("Lesson %d", i+1)})
}

// view returns a viewing, half of the time by one of the users, else anonymous.
func (p population) view(i int) (messagestore.Write, error) {
	viewed := &viewingv1.VideoViewed{VideoId: p.videos[p.popular.Uint64()].String()}
	var user *string
	if n := p.random.IntN(2 * len(p.users)); n < len(p.users) {
		id := p.users[n].String()
		user, viewed.UserId = &id, wrapperspb.String(id)
	}
	return p.write("view", i, viewed.GetVideoId(), user, viewed)
}

// write returns the write of the message for the entity. Its ids derive from the seed,
// the kind of the message, the entity and i.
func (p population) write(what string, i int, entity string, user *string, m proto.Message) (messagestore.Write, error) {
	data, err := contract.Marshal(m)
	if err != nil {
		return messagestore.Write{}, err
	}
	id := func(purpose string) string {
		name := fmt.Appendf(nil, "videotutorials:populate:%d:%s:%s:%d:%s", p.seed, what, entity, i, purpose)
		return uuid.NewSHA1(uuid.NameSpaceURL, name).String()
	}
	return messagestore.Write{
		Stream: contract.Category(m).Stream(entity), Expected: messagestore.Any,
		Messages: []messagestore.NewMessage{{
			ID: id("message"), Type: contract.Type(m), Data: data,
			Metadata: contract.Metadata{TraceID: id("trace"), UserID: user}.String(),
		}},
	}, nil
}

// lesson is a test picture with a tone of one second, H.264 and AAC.
//
//go:embed populate.mp4
var lesson []byte

// upload stores the lesson as the upload of each video.
func (p population) upload(data folder) error {
	folder, err := media.Open(data.media())
	if err != nil {
		return err
	}
	for i, video := range p.videos {
		if err := upload(folder, p.owner(i), video); err != nil {
			return errors.Join(err, folder.Close())
		}
	}
	return folder.Close()
}

func upload(folder *media.Folder, owner, id uuid.UUID) error {
	u, err := folder.CreateUpload(owner, id, int64(len(lesson)))
	if err != nil {
		return err
	}
	if _, err := u.Write(lesson); err != nil {
		return errors.Join(err, u.Abort())
	}
	return u.Commit()
}
